# A hostile surrounding: streams that are closed or full, signals, few descriptors, little memory, two runs in one folder.
. "$(dirname "$0")/lib.sh"
make_data
train good --num-train-epochs 1 --save-strategy no
tar -xzf "$(find raw -name '*.tar.gz' | sort | head -n 1)"
image=$(find images -name '*.png' | sort | head -n 1)

# What is said must not land in files that took over the numbers of closed streams.
"$VITRAIN" train --model vit-micro-patch16-224 --data data --output-dir silent --learning-rate 1e-3 --num-train-epochs 1 \
    --per-device-train-batch-size 8 --logging-steps 1 >&- 2> err.txt
[ $? = 1 ] && grep -q '^vitrain: error: cannot write to standard output' err.txt || fail "standard output closed: $(cat err.txt)"
grep -qra 'Total optimization steps' silent && fail 'what was said is in a file of the run'
same silent/model.safetensors good/model.safetensors
"$VITRAIN" predict --model good "$image" --output rows.csv 0>&- >&- 2>&- || fail 'all streams closed'
[ "$(wc -l < rows.csv)" = 2 ] || fail "rows.csv has $(wc -l < rows.csv) lines, not 2"

# Two runs in one folder would mix their checkpoints.
"$VITRAIN" train --model vit-micro-patch16-224 --data data --output-dir shared --num-train-epochs 1000 --save-steps 1 \
    --save-total-limit 1 > first.txt 2>&1 &
job=$!
until ls -d shared/checkpoint-* > listed.txt 2>&1 || ! kill -0 "$job" 2> /dev/null; do sleep 0.05; done
expect_error 'another run is writing here' "$VITRAIN" train --model vit-micro-patch16-224 --data data --output-dir shared \
    --num-train-epochs 1 --overwrite-output-dir
kill -TERM "$job"
wait "$job"
[ $? = 143 ] || fail "the first run: $(tail -n 3 first.txt)"

# A limit on the size of files is an error like a full disk.
(ulimit -f 100 && expect_error 'File too large' "$VITRAIN" train --model vit-micro-patch16-224 --data data --output-dir long) || exit 1

# A request to stop reaches a program that waits for standard input.
mkfifo pipe
sleep 60 > pipe &
sleeper=$!
for signal in TERM INT; do
    "$VITRAIN" predict --model good - --output stopped.csv < pipe > out.txt 2> err.txt &
    job=$!
    until ls stopped.csv.* > /dev/null 2>&1 || ! kill -0 "$job" 2> /dev/null; do sleep 0.05; done
    sleep 0.2
    kill -$signal "$job"
    wait "$job"
    code=$?
    [ "$code" = 143 ] || [ "$code" = 130 ] || { kill "$sleeper"; fail "exit code $code after SIG$signal: $(cat err.txt)"; }
    [ -z "$(ls stopped.csv* 2> /dev/null)" ] || fail 'rows of a stopped prediction were left behind'
done
kill "$sleeper"
