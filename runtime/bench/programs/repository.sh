# A repository with fifty commits to some files.
git init -q repository
cd repository
for i in $(seq 1 50); do
    seq $i 3 $((9000 + i * 37)) >numbers
    seq 1 $i 4000 >steps
    awk -v i="$i" 'BEGIN { for (n = 0; n < 800; n++) print n, (n * i * 7919) % 1009, "a line of text" }' >"file$((i % 9))"
    git add -A
    git commit -q -m "number $i"
done
