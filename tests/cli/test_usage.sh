# A wrong command line: one sentence and exit code 2; help and version on standard output.
. "$(dirname "$0")/lib.sh"
expect_usage 'a command is missing' "$VITRAIN"
expect_usage 'did you mean train?' "$VITRAIN" trian
expect_usage 'did you mean --learning-rate?' "$VITRAIN" train --lerning_rate 3
expect_usage '--model MODEL is missing' "$VITRAIN" train --data x --output-dir y
expect_usage '--learning-rate needs a value' "$VITRAIN" train --learning-rate
expect_usage 'learning_rate' "$VITRAIN" train --learning-rate fast
expect_usage 'one of' "$VITRAIN" train --lr-scheduler-type spiral
expect_usage 'an integer from' "$VITRAIN" sample --out x --images -3
expect_usage 'an integer from' "$VITRAIN" sample --out x --images 3x
expect_usage 'a number from' "$VITRAIN" prepare --data x --out y --validation-fraction 2
expect_usage 'one of auto, patient' "$VITRAIN" prepare --data x --out y --split yes
expect_usage 'takes no value' "$VITRAIN" prepare --data x --out y --overwrite=yes
expect_usage 'one argument too many' "$VITRAIN" sample --out x y
expect_usage 'unknown option -x' "$VITRAIN" sample -x
expect_usage 'a file is missing' "$VITRAIN" predict --model x
expect_usage '--seed' "$VITRAIN" sample --out x --seed -1
[ -e x ] && fail 'a refused command wrote something'

run "$VITRAIN" --version
grep -qE '^vitrain [0-9]+\.[0-9]+\.[0-9]+$' out.txt || fail "version: $(cat out.txt)"
for command in sample prepare show train eval predict bench info; do
    run "$VITRAIN" "$command" --help
    holds "usage: vitrain $command"
    run "$VITRAIN" help "$command"
    holds 'options:'
done
run "$VITRAIN" train --help
for name in learning-rate warmup-ratio lr-scheduler-type dataloader-num-workers resume-from-checkpoint save-total-limit; do
    holds "--$name"
done
run "$VITRAIN" help
holds 'predict'

# What can't be written is an error.
if [ -w /dev/full ]; then
    "$VITRAIN" info > /dev/full 2> err.txt && fail 'writing to a full device succeeded'
    grep -q '^vitrain: error: cannot write to standard output' err.txt || fail "$(cat err.txt)"
fi
expect_error 'no such folder' "$VITRAIN" info nowhere
mkdir empty
expect_error 'neither a model' "$VITRAIN" info empty
