# Places that can't be written, a disk that is full: one sentence, exit code 1, what was good before stays.
. "$(dirname "$0")/lib.sh"
make_data
train good --num-train-epochs 1 --save-steps 3

# A file where a folder should be: works for root as well, whom permissions don't stop.
: > file
expect_error file "$VITRAIN" sample --out file/raw --images 5 --image-size 64
expect_error file "$VITRAIN" prepare --data raw --out file/data --image-size 32
expect_error file "$VITRAIN" train --model vit-micro-patch16-224 --data data --output-dir file
expect_error file "$VITRAIN" train --model vit-micro-patch16-224 --data data --output-dir file/out
expect_error file "$VITRAIN" eval --model good --data data --output-dir file/out
expect_error file "$VITRAIN" predict --model good raw --output file/rows.csv
if [ "$(id -u)" != 0 ]; then
    mkdir closed && chmod 555 closed
    expect_error closed "$VITRAIN" train --model vit-micro-patch16-224 --data data --output-dir closed/out
    expect_error closed "$VITRAIN" prepare --data raw --out closed/data --image-size 32
fi

# An earlier run is in the way.
expect_usage 'resume' "$VITRAIN" train --model vit-micro-patch16-224 --data data --output-dir good

# A small disk: too small from the start, and filled up while training. What was saved before stays good.
mkdir small
mount -t tmpfs -o size=64m tmpfs small 2> mount.txt || skip "the part about a full disk needs to mount a tmpfs: $(cat mount.txt)"
trap 'umount "$folder/small"; rm -rf "$folder"' EXIT
options=(--num-train-epochs 60 --save-total-limit 1)
expect_error small "$VITRAIN" train --model vit-micro-patch16-224 --data data --output-dir small/out "${options[@]}" \
    --save-total-limit 9 --save-steps 1
"$VITRAIN" train --model vit-micro-patch16-224 --data data --output-dir small/out --learning-rate 1e-3 \
    --per-device-train-batch-size 8 "${options[@]}" --save-steps 5 > out.txt 2> err.txt &
job=$!
until ls -d small/out/checkpoint-* > /dev/null 2>&1; do
    kill -0 "$job" 2> /dev/null || fail "the run ended before its first checkpoint: $(cat err.txt)"
    sleep 0.05
done
head -c 64m /dev/zero > small/filler 2> dd.txt
wait "$job"
code=$?
[ "$code" = 1 ] || fail "exit code $code, not 1, on a full disk: $(cat err.txt)"
grep -q '^vitrain: error: .*the last good one is small/out/checkpoint-' err.txt || fail "$(cat err.txt)"

head -c 64m /dev/zero > small/rest 2> dd.txt # what the failed save gave back
expect_error small "$VITRAIN" prepare --data raw --out small/data --image-size 64
expect_error small "$VITRAIN" sample --out small/drawings --images 40 --image-size 256
expect_error small "$VITRAIN" eval --model good --data data --output-dir small/measured
rm small/filler small/rest

train whole "${options[@]}" --save-steps 5
train small/out "${options[@]}" --save-steps 5 --resume-from-checkpoint
same whole/model.safetensors small/out/model.safetensors
exit 0
