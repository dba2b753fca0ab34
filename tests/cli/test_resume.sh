# A run that is stopped by SIGTERM, or killed at any moment, and resumed ends with the same bits as one never interrupted;
# a damaged newest checkpoint is passed over.
. "$(dirname "$0")/lib.sh"
make_data
options=(--num-train-epochs 40 --save-steps 7 --save-total-limit 3 --logging-steps 10 --hidden-dropout-prob 0.1
    --eval-strategy steps --eval-steps 20)

train whole "${options[@]}"

start() { # start OUT [OPTION...]: in the background, as $job
    local out=$1
    shift
    "$VITRAIN" train --model vit-micro-patch16-224 --data data --output-dir "$out" --learning-rate 1e-3 \
        --per-device-train-batch-size 8 "${options[@]}" "$@" > out.txt 2> err.txt &
    job=$!
}

wait_for_checkpoint() { # of OUT
    local tries=0
    until ls -d "$1"/checkpoint-* > /dev/null 2>&1; do
        kill -0 "$job" 2> /dev/null || fail "the run ended before its first checkpoint: $(cat err.txt)"
        tries=$((tries + 1))
        [ "$tries" -lt 1200 ] || fail 'no checkpoint after a minute'
        sleep 0.05
    done
}

finished() { [ -s "$1/model.safetensors" ]; }

start stopped
wait_for_checkpoint stopped
kill -TERM "$job"
wait "$job"
code=$?
finished stopped && fail 'the run was over before the signal: it needs more epochs'
[ "$code" = 143 ] || fail "exit code $code after SIGTERM, not 143: $(cat err.txt)"
grep -q '^vitrain: stopped: ' err.txt || fail "no word about being stopped: $(cat err.txt)"
train stopped "${options[@]}" --resume-from-checkpoint
holds 'Resuming from step'
same whole/model.safetensors stopped/model.safetensors

start killed
wait_for_checkpoint killed
kill -KILL "$job"
wait "$job" 2> /dev/null
finished killed && fail 'the run was over before the signal: it needs more epochs'
for pause in 0.11 0.23 0.37; do
    start killed --resume-from-checkpoint
    sleep "$pause"
    kill -KILL "$job" 2> /dev/null
    wait "$job" 2> /dev/null
done
train killed "${options[@]}" --resume-from-checkpoint
same whole/model.safetensors killed/model.safetensors
ls -d killed/*.tmp* killed/.*tmp* 2> /dev/null && fail 'a leftover of a killed run remains'

# The newest checkpoint is damaged, the final model gone: the one before it is taken, with a warning.
rm -r whole/model.safetensors
newest=$(ls -d whole/checkpoint-* | sort -t - -k 2 -n | tail -n 1)
printf 'x' | dd of="$newest/model.safetensors" bs=1 seek=5000 conv=notrunc 2> /dev/null
train whole "${options[@]}" --resume-from-checkpoint
grep -q "^vitrain: warning: .*$newest" err.txt || fail "no warning about $newest: $(cat err.txt)"
same whole/model.safetensors killed/model.safetensors
