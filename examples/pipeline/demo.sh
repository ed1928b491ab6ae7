#!/usr/bin/env bash
# Runs this pipeline under roar in a new git repository and shows what was recorded: demo.sh FOLDER.
# FOLDER is made anew each time; `roar` and a `python` with numpy are on PATH (make demo sees to both).
set -euo pipefail

sources=$(cd "$(dirname "$0")" && pwd)
folder=${1:?the folder to make}
marker=$folder/.roar-demo
export PAGER=cat
unset "${!ROAR_@}" "${!GIT_@}"

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' plain=$'\e[0m'; else bold='' plain=''; fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
type_() { # shows a command as it would be typed, and runs it
    printf '\n%s$ %s%s\n' "$bold" "$*" "$plain"
    "$@"
}

if [ -e "$folder" ] && [ ! -e "$marker" ]; then
    echo "$folder exists and is not of this demo: move it away." >&2
    exit 1
fi
rm -rf "$folder"
mkdir -p "$folder"
touch "$marker"
cp "$sources"/*.py "$sources"/*.c "$sources"/*.json "$sources"/.gitignore "$folder"
cd "$folder"

say "A new project in $folder: four Python steps and a C program."
git init -q -b main
git config user.name "roar demo"
git config user.email demo@example.org
git add -A
git commit -q -m "A small pipeline"
type_ roar init

say "Each step under roar: set-up with roar build, the rest with roar run."
type_ roar build cc -O2 -o standardise standardise.c -lm
type_ roar run --name prepare python prepare.py
type_ roar run --name train python train.py
type_ roar run --name evaluate python evaluate.py
type_ roar run --name plot python plot.py

say "What was recorded."
type_ roar log
type_ roar dag --show-artifacts
type_ roar show results/model.npz

say "What to try next:"
cat <<NEXT
  source $(printf %q "$(dirname "$(command -v roar)")/activate") && cd $(printf %q "$folder")
  roar show @2                          all about the step that trained the model
  roar show @2 --json                   the same for a program
  sed -i 's/"hidden": 24/"hidden": 4/' params.json
  roar run python train.py              refused: the record would name a commit that isn't what ran
  git commit -am "A smaller model"
  roar run python train.py              a new model from the same data
  roar status                           what is out of date now, and why
  echo edited >> results/scores.json
  roar show results/scores.json         (changed): it isn't what the step wrote
  roar fsck --content                   is everything on disk as it was recorded?
  roar run sh -c 'cat params.json > copy'   any command, not only Python
NEXT
