# What looks at all of a repository, and packs it.
cd repository
"$TOOL" log -p --stat
"$TOOL" diff HEAD~40 --word-diff
"$TOOL" blame numbers
"$TOOL" rev-list --objects --all
"$TOOL" -c pack.threads=1 repack -q -a -d -f
"$TOOL" fsck --full
