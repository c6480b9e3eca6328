#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# headers_test.sh INCLUDE CC CXX: each ABI header compiles by itself, as C11 and as C++20, without a warning, and
# includes nothing but stddef.h and stdint.h; each C++ header compiles by itself.
set -eu
include=$1 cc=$2 cxx=$3
status=0
warnings='-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror'
for header in "$include"/ais/abi/*.h "$include"/ais/abi/draft/*.h; do
    name=${header#"$include"/}
    printf '#include <%s>\nint some_declaration;\n' "$name" | "$cc" -x c -std=c11 -I"$include" $warnings -fsyntax-only - || status=1
    printf '#include <%s>\n' "$name" | "$cxx" -x c++ -std=c++20 -I"$include" $warnings -fsyntax-only - || status=1
    if grep -E '^ *# *include' "$header" | grep -vE '<std(def|int)\.h>|"[a-z]+\.h"|<ais/abi/[a-z]+\.h>'; then
        echo "$name: includes more than stddef.h and stdint.h" >&2
        status=1
    fi
    # Words that are not legal as names in C++20, or no part of an ABI.
    if sed 's,/\*.*\*/,,; /\/\*/,/\*\//d' "$header" | grep -nwE 'requires|concept|export|module|import|enum|bool|long|errno|FILE'; then
        echo "$name: a word that must not be in an ABI header" >&2
        status=1
    fi
done
for header in "$include"/ais/*.hpp "$include"/ais/testing/*.hpp; do
    printf '#include <%s>\n' "${header#"$include"/}" |
        "$cxx" -x c++ -std=c++20 -I"$include" $warnings -Wno-sign-conversion -fsyntax-only - || { echo "$header" >&2; status=1; }
done
exit $status
