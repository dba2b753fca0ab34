# vitrain check: exit codes, the table and the JSON, for sound and damaged data sets, raw and prepared; nothing is written.
. "$(dirname "$0")/lib.sh"
run "$VITRAIN" sample --out raw --images 40 --image-size 64 --seed 3
find raw -type f -exec cksum {} + | sort > before.txt

run "$VITRAIN" check raw --json raw.json
holds '40 images decoded'
holds '1 channel of 8 bits (40)'
holds 'raw: nothing is wrong'
present raw.json
grep -q '"ok": true' raw.json || fail "the JSON does not say that all is well: $(head -c 500 raw.json)"

# On standard output JSON stands alone.
run "$VITRAIN" check raw --json - --threads 2
same raw.json out.txt

run "$VITRAIN" prepare --data raw --out data --image-size 32
run "$VITRAIN" check data
holds 'data: a prepared data set'
holds '40 images decoded'

# A class folder with a damaged image, one that stands in both parts, and one that nobody can read.
mkdir -p tree/train/cat tree/train/dog tree/test/cat pngs
tar -xzf raw/images_001.tar.gz -C pngs
mapfile -t images < <(find pngs -name '*.png' | sort)
cp "${images[0]}" tree/train/cat/a.png
cp "${images[1]}" tree/train/dog/b.png
cp "${images[2]}" tree/test/cat/c.png
run "$VITRAIN" check tree
cp "${images[0]}" tree/test/cat/copy.png
head -c 300 "${images[3]}" > tree/train/dog/cut.png
echo GIF89a > tree/train/dog/d.gif
expect_error 'tree: 2 kinds of things are wrong' "$VITRAIN" check tree --json tree.json
holds 'tree/train/dog/cut.png'
holds "wrong: 1 images can't be decoded"
holds 'wrong: 1 groups of images with the same pixels stand in more than one split'
holds 'test/cat/copy.png (test)'
grep -q '"ok": false' tree.json || fail "the JSON says that all is well"
grep -q '"kind": "corrupt"' tree.json || fail "the JSON does not list the problem"
grep -q "d.gif" tree.json || fail "the GIF is not spoken of"

# A place that can't be written, nothing to check, what is no data set.
expect_error 'nowhere/x.json' "$VITRAIN" check raw --json nowhere/x.json
expect_usage 'a data set is missing' "$VITRAIN" check
mkdir nothing
expect_error 'not recognised' "$VITRAIN" check nothing
expect_error 'no such' "$VITRAIN" check absent

find raw -type f -exec cksum {} + | sort > after.txt
same before.txt after.txt
