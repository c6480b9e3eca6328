#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# ais-keygen as an operator meets it.  Usage: keygen_test.sh PROGRAM
set -u
program=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

check() { # what happened, condition as a command
    local what=$1
    shift
    if ! "$@"; then
        echo "FAILED: $what: $*"
        failures=$((failures + 1))
    fi
}
run() { # fills status, out, err
    "$program" "$@" >out.txt 2>err.txt
    status=$?
    out=$(cat out.txt) err=$(cat err.txt)
}
says() { grep -qF -- "$1" err.txt; }
no_leftovers() { [ -z "$(find "$1" -name '*.??????' ! -name '*.txt')" ]; }

mkdir ok
(umask 0; "$program" -k ok/authkey) >out.txt 2>err.txt
check "a first key" [ $? = 0 ]
check "the manual's lines" diff out.txt - <<'TEXT'
openais authentication key generator.
Gathering 1024 bits for key from /dev/random.
Writing openais key to ok/authkey.
TEXT
check "128 bytes" [ "$(stat -c %s ok/authkey)" = 128 ]
check "mode 0400 whatever the umask" [ "$(stat -c %a ok/authkey)" = 400 ]
check "one name" [ "$(stat -c %h ok/authkey)" = 1 ]
check "nothing left behind" no_leftovers ok

before=$(sha256sum <ok/authkey)
run -k ok/authkey
check "refuses to overwrite" [ $status = 1 ]
check "says how to" says "--force"
check "does not say it writes" [ "$out" = "openais authentication key generator." ]
check "the old key is there" [ "$(sha256sum <ok/authkey)" = "$before" ]
run --force -k ok/authkey
check "replaces with --force" [ $status = 0 ]
check "a different key" [ "$(sha256sum <ok/authkey)" != "$before" ]
check "mode of the replacement" [ "$(stat -c %a ok/authkey)" = 400 ]
check "nothing left behind" no_leftovers ok

run -k two
check "a key in the working directory" [ $status = 0 ]
check "two keys differ" [ "$(sha256sum <two)" != "$(sha256sum <ok/authkey)" ]

ln -s nowhere dangling
run -k dangling
check "does not write through a link" [ $status = 1 ]
check "the link's target was not made" [ ! -e nowhere ]

run -k missing/dir/authkey
check "no directory" [ $status = 1 ]
check "says how to make it" says "install -d -m 0755 missing/dir"
run -k ok
check "refuses a directory" [ $status = 1 ]
run --force -k ok/
check "refuses a directory with --force" [ $status = 1 ]
check "says so" says "name the file"
run --force -k ""
check "refuses an empty name" [ $status != 0 ]

# A limit of 0 blocks stands for a full disk; output goes to pipes, which have no such limit.
err=$( (ulimit -f 0; exec "$program" -k full) 2>&1 >/dev/null)
check "a full disk" [ $? = 1 ]
check "says that nothing was written" grep -qF "nothing was written" <<<"$err"
check "no half key" [ ! -e full ]
check "nothing left behind" no_leftovers .

if [ "$(id -u)" = 0 ]; then
    mkdir closed && chmod 755 "$work" closed
    as_user() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
    if as_user test -x "$program" && as_user test -x "$work"; then
        err=$(as_user "$program" -k "$work/closed/authkey" 2>&1 >/dev/null)
        check "no permission" [ $? = 1 ]
        check "says what to do" grep -qF "run it as root, or name another file with -k" <<<"$err"
    fi
else
    mkdir -m 0555 closed
    run -k closed/authkey
    check "no permission" [ $status = 1 ]
    check "says what to do" says "run it as root, or name another file with -k"
fi

# Ten at once, one wins: every reader sees nothing or a whole key.
mkdir race
for i in 1 2 3 4 5 6 7 8 9 10; do
    "$program" -k race/authkey >/dev/null 2>&1 && echo "$i" >>winners.txt &
done
wait
check "one of ten wins" [ "$(wc -l <winners.txt)" = 1 ]
check "its key is whole" [ "$(stat -c %s race/authkey)" = 128 ]
check "nothing left behind" no_leftovers race

run --help
check "help" [ $status = 0 ]
run --no-such-option
check "usage error" [ $status = 2 ]
run surplus
check "surplus argument" [ $status = 2 ]

[ $failures = 0 ] && echo "all checks passed"
exit $((failures > 0))
