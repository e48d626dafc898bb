#!/usr/bin/env bash
# Pretrains with DeepSpeed ZeRO on one host or several: the same call on each, with its NODE_RANK.
#
#   torchrun_multi_node_multi_gpu.sh [zero_stage=3] [num_nodes=1] [gpus_per_node=4] [master_addr=localhost] [master_port=29500] [ARGS…]
#
#   NODE_RANK        this host's rank (default 0); an empty one makes it a spare
#   MODEL_PATH       default ../model/Qwen/Qwen3-0.6B     TOKENIZER_PATH  default MODEL_PATH
#   TRAIN_FILE_DIR   default ../data/pretrain             VALID_FILE_DIR  default ../data/pretrain
#   OUTPUT_DIR       default ../output/pretrain_zero<N>   CACHE_DIR       default ./cache
#   ON_EXISTING      checkpoints in OUTPUT_DIR: overwrite (default; they are moved aside), resume or refuse
#   RANDOM_WEIGHTS   1: no weights are loaded and a tokenizer is trained (--random_weights --train_tokenizer)
#   LOCKSTEP_HOST    this host's address (default: the one on its route to master_addr)
#   LOCKSTEP_PYTHON  Python with torch, transformers and deepspeed (default: the python on PATH, else one is installed)
#
# ARGS go to pretraining.py. A pretraining.py or zero<N>.json in the current folder comes before the shipped one.
# Each host that fails is waited for: call the same again there. It is `lockstep run` underneath: exit codes are its.
set -euo pipefail

readonly EXIT_USAGE=2 EXIT_REFUSED=9

main() {
  case ${1:-} in
    -h | --help)
      sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
      exit 0
      ;;
  esac
  local stage=${1:-3} nodes=${2:-1} gpus=${3:-4} address=${4:-localhost} port=${5:-29500}
  shift $(($# < 5 ? $# : 5))
  check_positions "$stage" "$nodes" "$gpus" "$port"
  local rank=${NODE_RANK-0}
  take_paths "$stage" "$@"
  check_devices "$gpus"

  local script zero
  find_home
  script=$(own_or_shipped pretraining.py "$home/examples/pretraining.py")
  zero=$(own_or_shipped "zero$stage.json" "$home/examples/zero$stage.json")
  say "script $script, DeepSpeed configuration $zero"
  LOCKSTEP_PYTHON=$(find_python)
  export LOCKSTEP_PYTHON

  local -a run=(--zero "$zero" --nnodes "$nodes" --nproc-per-node "$gpus" --master-addr "$address" --master-port "$port")
  [[ -z $rank ]] || run+=(--node-rank "$rank")
  run+=(--name "pretrain_zero$stage" --checkpoint-dir "$OUTPUT_DIR" --checkpoint-format hf-deepspeed --on-existing "$on_existing")
  local -a arguments=(
    --model_name_or_path "$MODEL_PATH" --tokenizer_name_or_path "$TOKENIZER_PATH"
    --train_file_dir "$TRAIN_FILE_DIR" --validation_file_dir "$VALID_FILE_DIR"
    --output_dir "$OUTPUT_DIR" --cache_dir "$CACHE_DIR"
  )
  # the shipped script has the rest as its defaults
  [[ $script == "$home/"* ]] || arguments+=("${guide_arguments[@]}")
  [[ ${RANDOM_WEIGHTS:-} != 1 ]] || arguments+=(--random_weights --train_tokenizer)
  exec "$home/bin/lockstep" run "${run[@]}" "$script" "${arguments[@]}" "$@"
}

# What the guide's script passes to a pretraining.py, beside the paths.
guide_arguments=(
  --per_device_train_batch_size 1 --per_device_eval_batch_size 1 --do_train --do_eval --seed 42
  --max_train_samples 10000 --max_eval_samples 10 --num_train_epochs 0.5 --learning_rate 2e-4 --warmup_ratio 0.05
  --weight_decay 0.01 --logging_steps 10 --eval_strategy steps --eval_steps 50 --save_steps 500 --save_total_limit 13
  --gradient_accumulation_steps 16 --preprocessing_num_workers 4 --block_size 512 --group_by_length True
  --overwrite_output_dir --ddp_timeout 30000 --ddp_find_unused_parameters False --logging_first_step True
  --dtype bfloat16 --bf16 --gradient_checkpointing True --report_to tensorboard --remove_unused_columns False
  --ignore_data_skip True
)

say() { printf 'torchrun_multi_node_multi_gpu: %s\n' "$*" >&2; }

refuse() {
  local code=$1 line
  shift
  for line in "$@"; do
    say "$line"
  done
  exit "$code"
}

check_positions() {
  local -a wrong=()
  [[ $1 =~ ^[123]$ ]] || wrong+=("zero_stage is 1, 2 or 3, found: $1")
  [[ $2 =~ ^[1-9][0-9]{0,3}$ ]] || wrong+=("num_nodes is a number from 1, found: $2")
  [[ $3 =~ ^[1-9][0-9]{0,2}$ ]] || wrong+=("gpus_per_node is a number from 1, found: $3")
  [[ $4 =~ ^[1-9][0-9]{0,4}$ ]] || wrong+=("master_port is a number, found: $4")
  [[ ${NODE_RANK-0} =~ ^[0-9]{0,4}$ ]] || wrong+=("NODE_RANK is a number from 0, found: $NODE_RANK")
  on_existing=${ON_EXISTING:-overwrite}
  [[ $on_existing =~ ^(overwrite|resume|refuse|auto)$ ]] || wrong+=("ON_EXISTING is overwrite, resume or refuse, found: $on_existing")
  ((${#wrong[@]} == 0)) || refuse $EXIT_USAGE "${wrong[@]}" "--help says what goes where"
}

# --- paths --------------------------------------------------------------------------------------------------------------

take_paths() {
  local stage=$1
  shift
  export MODEL_PATH=${MODEL_PATH:-../model/Qwen/Qwen3-0.6B}
  export TOKENIZER_PATH=${TOKENIZER_PATH:-$MODEL_PATH}
  export TRAIN_FILE_DIR=${TRAIN_FILE_DIR:-../data/pretrain}
  export VALID_FILE_DIR=${VALID_FILE_DIR:-../data/pretrain}
  export OUTPUT_DIR=${OUTPUT_DIR:-../output/pretrain_zero$stage}
  export CACHE_DIR=${CACHE_DIR:-./cache}
  local name
  local -a missing=()
  for name in MODEL_PATH TOKENIZER_PATH TRAIN_FILE_DIR VALID_FILE_DIR; do
    [[ -e ${!name} ]] || missing+=("$name=${!name} is not there (from $PWD)")
  done
  ((${#missing[@]} == 0)) || refuse $EXIT_REFUSED "${missing[@]}" "set what is missing; deploy/examples/make_corpus.py makes text and a model's shape to try with"
  [[ ${NODE_RANK-0} == 0 ]] && say_existing
  return 0
}

say_existing() {
  local -a old=("$OUTPUT_DIR"/checkpoint-*)
  [[ -e ${old[0]} ]] || return 0
  case $on_existing in
    overwrite) say "OUTPUT_DIR=$OUTPUT_DIR holds ${#old[@]} checkpoints: they are renamed to aside-…, never deleted; to go on from the newest instead: ON_EXISTING=resume" ;;
    *) say "OUTPUT_DIR=$OUTPUT_DIR holds ${#old[@]} checkpoints: ON_EXISTING=$on_existing" ;;
  esac
}

own_or_shipped() {
  if [[ -e $1 ]]; then
    printf '%s' "$PWD/$1"
  else
    printf '%s' "$2"
  fi
}

# --- devices ------------------------------------------------------------------------------------------------------------

check_devices() {
  if [[ ! -e /dev/nvidia0 ]]; then
    say "no NVIDIA device here: $1 CPU processes (gloo) instead of GPUs"
  elif ! nvidia-smi -L >/dev/null 2>&1; then
    refuse $EXIT_REFUSED "there is an NVIDIA device without a working driver: nvidia-smi -L fails; repair it (nothing falls back to CPUs here)"
  fi
}

# --- the distribution and Python ----------------------------------------------------------------------------------------

find_home() {
  local here
  here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
  home=$(dirname "$here")
  [[ -e $here/lockstep ]] && return
  build_home "$(dirname "$home")"
}

# In a checkout: built and unpacked when something has changed; hosts that share it take turns.
build_home() {
  local repository=$1 target=$1/deploy/target archive
  mkdir -p "$target"
  exec 9>"$target/drop-in.lock"
  flock 9
  archive=$(newest_archive "$target")
  if [[ -z $archive || -n $(changed_since "$repository" "$archive") ]]; then
    say "building the distribution (mvn package; the first time it fetches its libraries)"
    (cd "$repository" && mvn -B -ntp -q -DskipTests -Dcyclonedx.skip=true package) >&2 9>&- || refuse 1 "the build failed; see above"
    archive=$(newest_archive "$target")
  fi
  # a name of its own for each build, so that one that runs is never replaced under its feet
  home=$target/drop-in/$(sha256sum "$archive" | cut -c1-12)
  if [[ ! -e $home/bin/lockstep ]]; then
    mkdir -p "$home"
    tar -xzf "$archive" -C "$home" --strip-components 1
  fi
  exec 9>&-
}

newest_archive() { find "$1" -maxdepth 1 -name 'lockstep-*.tar.gz' -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d' ' -f2-; }

changed_since() {
  find "$1"/pom.xml "$1"/*/pom.xml "$1"/*/src/main "$1"/deploy/{examples,python,bin} -newer "$2" -not -path '*/__pycache__*' -type f -print -quit
}

find_python() {
  local python
  if [[ -n ${LOCKSTEP_PYTHON:-} ]]; then
    command -v "$LOCKSTEP_PYTHON" || refuse $EXIT_REFUSED "LOCKSTEP_PYTHON=$LOCKSTEP_PYTHON is no program that can be run"
    return
  fi
  for python in python python3; do
    if "$python" -c 'import importlib.util as u, sys; sys.exit(any(u.find_spec(m) is None for m in ("torch", "transformers", "deepspeed")))' 2>/dev/null; then
      command -v "$python"
      return
    fi
  done
  "$home/bin/prepare-python"
}

main "$@"
