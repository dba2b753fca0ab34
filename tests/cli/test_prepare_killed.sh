# Preparing, killed at random moments: the same command goes on where it stopped, and ends with the same bytes as a run that was
# never interrupted, whatever the number of threads; nothing is left beside the result.
. "$(dirname "$0")/lib.sh"

# 1000 images of 10 drawings, long enough to be killed in: three archives, and what is left stays loose.
run "$VITRAIN" sample --out drawn --images 10 --image-size 640 --seed 3
mkdir -p raw/images
tar -C raw -xf drawn/images_001.tar.gz
echo 'Image Index,Finding Labels,Patient ID' > raw/Data_Entry_2017_v2020.csv
drawings=(raw/images/*.png)
for i in $(seq 1000 1999); do
    ln "${drawings[$((i % 10))]}" "raw/images/copy_$i.png"
    echo "copy_$i.png,$([ $((i % 3)) = 0 ] && echo Mass || echo Hernia),$((i / 4))" >> raw/Data_Entry_2017_v2020.csv
done
rm "${drawings[@]}"
for part in 1 2 3; do
    (cd raw && tar -cf - --hard-dereference images/copy_1["$part"]* | gzip -1 > "images_00$part.tar.gz")
    rm raw/images/copy_1["$part"]*
done

options=(--data raw --image-size 48 --validation-fraction 0.2 --write-metadata)
started=$(date +%s%N)
run "$VITRAIN" prepare "${options[@]}" --out whole --threads 1
whole_ms=$((($(date +%s%N) - started) / 1000000)) # by one thread: kills come at shares of it, on fast machines and slow ones
same_data() { # FOLDER
    (cd whole && find . -type f | sort) > whole.txt
    (cd "$1" && find . -type f | sort) > other.txt
    same whole.txt other.txt
    local file
    while read -r file; do same "whole/$file" "$1/$file"; done < whole.txt
    [ ! -e "$1.partial" ] && [ ! -e "$1.before" ] || fail "something is left beside $1"
}

# seconds_at PERCENT: that share of the whole run.
seconds_at() {
    local ms=$((whole_ms * $1 / 100))
    echo "$((ms / 1000)).$(printf %03d $((ms % 1000)))"
}

# kill_after SIGNAL SECONDS THREADS: runs the command into out/, and ends it if it is still there by then.
kill_after() {
    "$VITRAIN" prepare "${options[@]}" --out out --threads "$3" > out.txt 2> err.txt &
    local job=$!
    sleep "$2"
    kill "-$1" "$job" 2> /dev/null
    wait "$job" 2> /dev/null
    [ -d out ] && return 1
    return 0
}

RANDOM=20
for threads in 2 5; do
    kills=0
    while [ "$kills" -lt 15 ] && kill_after KILL "$(seconds_at $((4 + RANDOM % 30)))" $((1 + RANDOM % threads)); do
        kills=$((kills + 1))
        [ ! -e out ] || fail "a killed run left an unfinished $(ls out)"
    done
    [ "$kills" -gt 0 ] || fail "no run was killed in time"
    [ -d out ] || run "$VITRAIN" prepare "${options[@]}" --out out --threads "$threads"
    same_data out
    rm -r out
done

# Asked to stop: it says what is kept, and the next run says that it goes on.
kill_after TERM "$(seconds_at 50)" 1 && grep -q 'stopped: .*images are kept in .out.partial., and the same command goes on' err.txt &&
    { run "$VITRAIN" prepare "${options[@]}" --out out; grep -q 'resuming: [0-9]* of 1,000 listed images' out.txt || fail "it did not go on: $(cat out.txt)"; }
[ -d out ] || fail "the stopped run said: $(cat err.txt)"
same_data out
rm -r out

# Another size is another spool.
kill_after TERM "$(seconds_at 50)" 1
run "$VITRAIN" prepare "${options[@]}" --image-size 40 --out out
grep -q 'resuming' out.txt && fail "images of another size were taken: $(cat out.txt)"
run "$VITRAIN" prepare "${options[@]}" --out out --overwrite
same_data out
rm -r out

# Killed while it replaces a data set: one of the two is there.
run "$VITRAIN" sample --out few --images 10 --image-size 32 --seed 3
run "$VITRAIN" prepare --data few --image-size 8 --out replaced
for i in $(seq 80); do
    "$VITRAIN" prepare --data few --image-size $((8 + i % 2)) --out replaced --overwrite > out.txt 2> err.txt &
    job=$!
    sleep "0.$(printf %03d $((RANDOM % 250)))"
    kill -KILL "$job" 2> /dev/null
    wait "$job" 2> /dev/null
    run "$VITRAIN" info replaced
done
run "$VITRAIN" prepare --data few --image-size 8 --out replaced --overwrite
[ ! -e replaced.partial ] && [ ! -e replaced.before ] || fail "something is left beside what was replaced"

# Members of a disk that fills up while it prepares: what fitted is kept.
mkdir small
mount -t tmpfs -o size=64m tmpfs small 2> mount.txt || skip "the part about a full disk needs to mount a tmpfs: $(cat mount.txt)"
trap 'umount "$folder/small"; rm -rf "$folder"' EXIT
"$VITRAIN" prepare "${options[@]}" --out small/out --threads 1 > out.txt 2> err.txt &
job=$!
until [ -s small/out.partial/pixels.spool ]; do
    kill -0 "$job" 2> /dev/null || fail "the run ended before the disk was full: $(cat err.txt)"
    sleep 0.02
done
head -c 64m /dev/zero > small/filler 2> dd.txt
wait "$job"
code=$?
[ "$code" = 1 ] || fail "exit code $code, not 1, on a full disk: $(cat err.txt)"
grep -q 'No space left on device; [0-9]* images are kept in .small/out.partial., and the same command goes on' err.txt || fail "$(cat err.txt)"
expect_error 'but only' "$VITRAIN" prepare "${options[@]}" --out small/out
rm small/filler
run "$VITRAIN" prepare "${options[@]}" --out small/out
holds 'resuming: '
same_data small/out
exit 0
