# docs/training.md has every option of `vitrain train`, with its default.
. "$(dirname "$0")/lib.sh"
page=${VITRAIN_SOURCE:?the sources}/docs/training.md
run "$VITRAIN" train --help
while read -r option; do
    [ "$option" = --help ] && continue
    grep -q "^| \`$option[ \`]" "$page" || fail "$option is not in $page"
done < <(sed -n 's/^  \(--[a-z0-9-]*\).*/\1/p' out.txt)
while read -r option; do
    grep -q -- "^  $option\b" out.txt || fail "$page has $option, which is no option"
done < <(sed -n 's/^| `\(--[a-z0-9-]*\).*/\1/p' "$page")
for command in prepare check show eval predict info sample; do
    run "$VITRAIN" help "$command"
    cat out.txt >> all.txt
done
run "$VITRAIN" help train
cat out.txt >> all.txt
# Options that the other pages speak of exist.
while read -r option; do
    grep -q -- "$option\b" all.txt || fail "the pages speak of $option, which is no option"
done < <(cat "$VITRAIN_SOURCE"/README.md "$VITRAIN_SOURCE"/docs/{walkthrough,data,evaluation}.md | grep -oE 'vitrain [a-z]+ .*|`--[a-z][a-z0-9-]*' |
    grep -oE -- '--[a-z][a-z0-9-]*' | sort -u)
