#!/usr/bin/env bash
# What needs a graphics card, on a machine with one: SkyRL's FSDP backend with images behind the Tinker engine, vLLM as
# judge and as model under test, and the local engine by WebGPU. Prints one table, and keeps all output below WORK.
#
#   bash test/gpu/run.sh [WORK]        # from a clone; needs Node, uv, a driver with CUDA, and the Hugging Face hub
#
# MODEL (default Qwen/Qwen3-VL-2B-Instruct) is trained and served; JUDGE (default Qwen/Qwen3-4B-Instruct-2507) judges.
# ONLY="skyrl vllm webgpu" names the parts to run. Ends with 1 where one of them failed.
set -u
cd "$(dirname "$0")/../.." || exit 2
WORK=$(realpath -m "${1:-runs/gpu}")
MODEL=${MODEL:-Qwen/Qwen3-VL-2B-Instruct}
JUDGE=${JUDGE:-Qwen/Qwen3-4B-Instruct-2507}
ONLY=${ONLY:-skyrl vllm webgpu}
mkdir -p "$WORK"
rows=()
failed=0
servers=()
medix() { npx tsx src/cli/main.ts "$@"; }

# Ends the servers that this script started, and no others.
stop() {
  for pid in ${servers[@]+"${servers[@]}"}; do kill -- "-$pid" 2>/dev/null; done
  for pid in ${servers[@]+"${servers[@]}"}; do wait "$pid" 2>/dev/null; done
  servers=()
}
trap stop EXIT
trap 'exit 130' INT TERM

# step NAME COMMAND...: runs it, and adds a row with its end, its seconds and the last line that it printed.
step() {
  local name=$1 log="$WORK/${1// /-}.log" begin=$SECONDS said=passed
  shift
  echo "== $name: $*"
  if ! "$@" >"$log" 2>&1; then said=FAILED failed=1; fi
  rows+=("$name|$said|$((SECONDS - begin))|$(grep -v '^[[:space:]]*$' "$log" | tail -n 1 | cut -c1-160)")
  [ "$said" = passed ]
}

# start NAME URL COMMAND...: a server in a process group of its own, until it answers.
start() {
  local name=$1 url=$2 log="$WORK/${1// /-}.log"
  shift 2
  setsid "$@" >"$log" 2>&1 &
  local pid=$!
  servers+=("$pid")
  for _ in $(seq 360); do
    curl -fsS -o /dev/null --max-time 5 "$url" 2>/dev/null && return 0
    kill -0 "$pid" 2>/dev/null || break
    sleep 5
  done
  rows+=("$name|FAILED|-|$(tail -n 1 "$log" | cut -c1-160)")
  failed=1
  return 1
}

phantoms='data={train: phantoms, trainCount: 400, validation: phantoms, validationCount: 100}'

skyrl() {
  local url=http://127.0.0.1:8000
  # The base and an adapter cannot be sampled with images there, so every weight is trained: rank 0.
  start 'SkyRL FSDP' $url/api/v1/healthz \
    uv run --with 'skyrl[tinker,fsdp]==0.4.0' --python 3.12 -m skyrl.tinker.api \
    --base-model "$MODEL" --backend fsdp --host 127.0.0.1 --port 8000 --checkpoints-base "$WORK/skyrl" || return
  step 'doctor, SkyRL with images' medix doctor --url $url --model "$MODEL" --rank 0
  step 'DAPO with images, 4 iterations' medix train "model=$MODEL" "out=$WORK/skyrl-run" "$phantoms" \
    "engine={kind: tinker, url: '$url', rank: 0}" 'algorithm.preset=dapo' iterations=4 \
    'rollout={promptsPerIteration: 8, groupSize: 8, maxCompletionTokens: 256}' optimizer.learningRate=1e-6
  stop
}

vllm() {
  local serve=(uvx --python 3.12 --from 'vllm==0.30.0' vllm serve)
  start 'vLLM judge' http://127.0.0.1:8085/health \
    "${serve[@]}" "$JUDGE" --port 8085 --gpu-memory-utilization 0.45 --max-model-len 2048 || return
  step 'certificate of the judge' medix judge certify judge.kind=openai judge.url=http://127.0.0.1:8085/v1 "judge.model=$JUDGE"
  start 'vLLM policy' http://127.0.0.1:8005/health \
    "${serve[@]}" "$MODEL" --port 8005 --gpu-memory-utilization 0.45 --max-model-len 8192 || return
  step 'evaluation on VQA-RAD, 50 questions' medix eval run 'tasks=[rad_vqa]' limit=50 "out=$WORK/eval" \
    model.kind=openai model.url=http://127.0.0.1:8005/v1 "model.model=$MODEL" \
    "judging={judges: [{kind: openai, url: 'http://127.0.0.1:8085/v1', model: $JUDGE}]}"
  stop
}

webgpu() {
  step 'WebGPU conformance' npx vitest run --project whole test/conformance/webgpu.test.ts
  for device in cpu webgpu; do
    step "quickstart on $device" medix quickstart "engine.device=$device" iterations=10 "out=$WORK/quickstart-$device"
  done
}

for part in $ONLY; do
  case $part in
    skyrl | vllm | webgpu) "$part" ;;
    *) echo "ONLY: expected some of skyrl, vllm, webgpu, got $part" >&2; exit 2 ;;
  esac
done

echo
echo "$(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null || echo 'no nvidia-smi'); Node $(node --version)"
{ echo 'what|how it ended|seconds|last line'; printf '%s\n' ${rows[@]+"${rows[@]}"}; } | column -t -s '|'
exit $failed
