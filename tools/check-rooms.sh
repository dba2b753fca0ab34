#!/bin/sh
# Holds the rooms of src/ to the table in docs/architecture.md: a file includes headers of its own room, of the rooms its line
# allows, and vitrain/*.h. src/cli and examples/ are users of the library: of its headers they include vitrain/*.h alone.
set -eu
cd "$(dirname "$0")/.."

# "room allowed allowed ..." for every line of the table; "all above" is what stood before it.
rules=$(awk -F'|' '/^\| `src\// {
    room = $2; gsub(/[ `]|src\//, "", room)
    allowed = $4; gsub(/,/, " ", allowed)
    if (room == "cli") allowed = ""
    else if (allowed ~ /all above/) allowed = above
    else if (allowed ~ /nothing/) allowed = ""
    print room, allowed
    above = above " " room
}' docs/architecture.md)
rules="$rules
examples"

git ls-files 'src/*.[ch]' 'examples/*.[ch]' | xargs grep -Hno '^ *# *include *"[^"]*"' | awk -v rules="$rules" '
BEGIN {
    count = split(rules, lines, "\n")
    for (i = 1; i <= count; i++) {
        words = split(lines[i], word, " ")
        known[word[1]] = 1
        for (j = 1; j <= words; j++) may[word[1], word[j]] = 1
        may[word[1], "vitrain"] = 1
    }
}
{
    split($0, part, ":")
    split(part[1], folder, "/")
    room = folder[1] == "src" ? folder[2] : folder[1]
    split($0, quoted, "\"")
    target = quoted[2]
    if (split(target, step, "/") == 1) next # a header beside the file
    if (!known[room]) { print part[1] ": folder " room " is not in the table of docs/architecture.md"; bad = 1 }
    else if (!may[room, step[1]]) { print part[1] ":" part[2] ": " room " may not include \"" target "\""; bad = 1 }
}
END { exit bad }'
