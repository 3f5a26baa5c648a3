#!/usr/bin/env bash
#SBATCH --job-name=tsdg-eval-math
#SBATCH --account=myteam
#SBATCH --partition=batch
#SBATCH --time=04:00:00
#SBATCH --nodes=1
#SBATCH --gpus-per-node=1
#SBATCH --output=/shared/evals/math-%j.log
#SBATCH --constraint=h100
#SBATCH --exclusive
set -eu
module load cuda
set -a; . '/home/me/my secrets'; set +a
srun --container-image=/images/vllm.sqsh --container-mounts=/a:/b,/c:/d lm_eval --model vllm --model_args pretrained=/models/m,tensor_parallel_size=1 --tasks gsm8k_cot,minerva_math500 --batch_size auto --output_path /shared/evals/math --log_samples
