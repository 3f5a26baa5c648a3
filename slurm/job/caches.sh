# Caches of what is compiled or unpacked while models are served, on the node's own disk: nodes that share one folder,
# mostly the home's, wait for one another's locks and read half-written files. TSDG_CACHE_DIR names another folder, for
# each node or for all; a variable that is set already counts. Weights are no cache: HF_HOME stays as it is.
tsdg_caches=${TSDG_CACHE_DIR:-${TMPDIR:-/tmp}/tsdg-cache-$(id -u)}
if ! mkdir -p -m 700 "$tsdg_caches" 2>/dev/null || [ ! -O "$tsdg_caches" ] || [ ! -w "$tsdg_caches" ]; then
    tsdg_caches=$(mktemp -d "${TMPDIR:-/tmp}/tsdg-cache-XXXXXX") || exit 3
fi
export VLLM_CACHE_ROOT="${VLLM_CACHE_ROOT:-$tsdg_caches/vllm}"
export TRITON_CACHE_DIR="${TRITON_CACHE_DIR:-$tsdg_caches/triton}"
export TORCHINDUCTOR_CACHE_DIR="${TORCHINDUCTOR_CACHE_DIR:-$tsdg_caches/inductor}"
export TORCH_EXTENSIONS_DIR="${TORCH_EXTENSIONS_DIR:-$tsdg_caches/torch-extensions}"
export FLASHINFER_WORKSPACE_BASE="${FLASHINFER_WORKSPACE_BASE:-$tsdg_caches}"
export DG_JIT_CACHE_DIR="${DG_JIT_CACHE_DIR:-$tsdg_caches/deep-gemm}"
export CUDA_CACHE_PATH="${CUDA_CACHE_PATH:-$tsdg_caches/cuda}"
export NUMBA_CACHE_DIR="${NUMBA_CACHE_DIR:-$tsdg_caches/numba}"
export HF_MODULES_CACHE="${HF_MODULES_CACHE:-$tsdg_caches/hf-modules}"
export HF_XET_CACHE="${HF_XET_CACHE:-$tsdg_caches/hf-xet}"
