# Broken raw data and broken prepared data: one sentence, exit code 1, nothing written; odd but valid files are read.
. "$(dirname "$0")/lib.sh"
run "$VITRAIN" sample --out raw --images 40 --image-size 64 --images-per-archive 20 --seed 3
csv=Data_Entry_2017_v2020.csv

prepare() { "$VITRAIN" prepare --data case --out prepared --image-size 32 --split patient --overwrite "$@"; }
fresh() { rm -rf case prepared && cp -r raw case; }
refused() { # refused WORDS COMMAND...
    rm -rf prepared
    expect_error "$@"
    [ -e prepared ] && fail 'a refused data set was written'
}

# Archives and images.
fresh && head -c 20000 raw/images_002.tar.gz > case/images_002.tar.gz
refused images_002.tar.gz prepare
fresh && head -c 300 /dev/urandom > case/images_001.tar.gz
refused images_001.tar.gz prepare
fresh && mkdir case/images && tar -xzf raw/images_001.tar.gz -C case && rm case/images_00*.tar.gz
image=$(find case/images -name '*.png' | sort | head -n 1)
head -c 1000 "$image" > cut && cp cut "$image"
refused "$(basename "$image")" prepare
run prepare --on-bad-image skip
grep -q "$(basename "$image")" out.txt err.txt || fail 'the skipped image is not named'
printf 'not an image' > "$image"
refused "$(basename "$image")" prepare
: > "$image"
refused "$(basename "$image")" prepare

# Label files.
fresh && rm case/$csv
refused case prepare
fresh && cut -d , -f 1,3- raw/$csv > case/$csv
refused 'Finding Labels' prepare
fresh && sed '5s/,/,"/' raw/$csv > case/$csv
refused $csv prepare
fresh && sed '7s/$/,one,two,three/' raw/$csv > case/$csv
refused "$csv:7" prepare
fresh && sed '3s/[^,]*,[^,]*,/00000001_001.png,Effusoin|Mass,/' raw/$csv > case/$csv
refused "$csv:3" prepare
fresh
expect_usage Pneumonoia prepare --labels Pneumonoia,Effusion
fresh && : > case/$csv
refused $csv prepare
fresh && head -n 1 raw/$csv > case/$csv
refused case prepare

# Odd but valid: CRLF, a byte-order mark, quoted fields with commas; the same data set comes out.
fresh && run prepare && mv prepared plain
fresh && sed 's/$/\r/' raw/$csv > case/$csv
run prepare && same prepared/train/data-00000-of-00001.arrow plain/train/data-00000-of-00001.arrow
fresh && { printf '\357\273\277' && cat raw/$csv; } > case/$csv
run prepare && same prepared/train/data-00000-of-00001.arrow plain/train/data-00000-of-00001.arrow
fresh && sed '1!s/^\([^,]*\),\([^,]*\),/"\1","\2",/' raw/$csv > case/$csv
run prepare && same prepared/train/data-00000-of-00001.arrow plain/train/data-00000-of-00001.arrow

# An existing data set is not replaced unasked, and a refused one leaves the old as it was.
fresh && mv plain prepared
expect 2 prepared "$VITRAIN" prepare --data case --out prepared --image-size 32
head -c 300 /dev/urandom > case/images_001.tar.gz
expect_error images_001.tar.gz prepare
run "$VITRAIN" info prepared

# Prepared data sets: an Arrow file cut anywhere, changed in places, JSON cut.
arrow=prepared/train/data-00000-of-00001.arrow
cp $arrow whole.arrow
size=$(stat -c %s whole.arrow)
for cut in 0 1 7 8 100 1000 $((size / 3)) $((size / 2)) $((size - 9)) $((size - 1)); do
    head -c "$cut" whole.arrow > $arrow
    expect_error data-00000-of-00001.arrow "$VITRAIN" info prepared
done
for at in 0 4 8 12 20 40 64 200 500; do
    cp whole.arrow $arrow
    printf '\377\377\377\177' | dd of=$arrow bs=1 seek="$at" conv=notrunc 2> dd.txt
    "$VITRAIN" info prepared > out.txt 2> err.txt
    code=$?
    [ "$code" -le 1 ] || fail "exit code $code for an Arrow file changed at byte $at: $(cat err.txt)"
    [ "$code" = 0 ] || expect_error prepared "$VITRAIN" info prepared
done
cp whole.arrow $arrow
head -c 30 prepared/vitrain_dataset.json > cut && cp cut prepared/vitrain_dataset.json
expect_error vitrain_dataset.json "$VITRAIN" info prepared
expect_error nowhere "$VITRAIN" train --model vit-micro-patch16-224 --data nowhere --output-dir out
exit 0
