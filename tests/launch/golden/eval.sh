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
# Reads variables from a file, as data: nothing in a value is expanded or run, and no value is ever printed.
#   tsdg_read_env FILE exact    NAME=VALUE lines that tsdg wrote: all behind the first "=" is the value
#   tsdg_read_env FILE          a user's: also `export NAME=VALUE`, one pair of quotes around a value, comments, CRs
# Returns 3 where the file cannot be read or a line is no such line, which is named by its number.
tsdg_read_env() {
    local file=$1 exact=${2:-} line name value quote number=0
    if [ ! -r "$file" ] || [ -d "$file" ]; then
        echo "tsdg: $file cannot be read here; the variables of the job stand in it" >&2
        return 3
    fi
    while IFS= read -r line || [ -n "$line" ]; do
        number=$((number + 1))
        if [ -z "$exact" ]; then
            [ "$number" -gt 1 ] || line=${line#$'\xef\xbb\xbf'}
            line=${line%$'\r'}
            line=${line#"${line%%[![:space:]]*}"}
            case $line in "" | "#"*) continue ;; esac
            [[ ! $line =~ ^export[[:space:]]+(.*)$ ]] || line=${BASH_REMATCH[1]}
        fi
        name=${line%%=*}
        if [[ $line != *=* || ! $name =~ ^[A-Za-z_][A-Za-z0-9_]*$ ]]; then
            echo "tsdg: $file, line $number: is not NAME=VALUE or export NAME=VALUE; mend that line" >&2
            return 3
        fi
        value=${line#*=}
        if [ -z "$exact" ]; then
            value=${value%"${value##*[![:space:]]}"}
            quote=${value:0:1}
            if [[ ${#value} -ge 2 && $quote == [\"\'] && ${value: -1} == "$quote" ]]; then
                value=${value:1:-1}
            fi
        fi
        export "$name=$value" || return 3
    done <"$file"
}
tsdg_read_env '/home/me/my secrets'
srun --export=ALL --container-image=/images/vllm.sqsh --container-mounts=/a:/b,/c:/d lm_eval --model vllm --model_args pretrained=/models/m,tensor_parallel_size=1 --tasks gsm8k_cot,minerva_math500 --batch_size auto --output_path /shared/evals/math --log_samples
