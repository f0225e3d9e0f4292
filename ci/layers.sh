#!/usr/bin/env bash
# Checks that every layer of src/ uses only the layers below it, and each of them through its mod.rs.
set -euo pipefail
cd "$(dirname "$0")/.."
order=(base sync os arena pool heap thread api)
# sync and os lean on each other for one thing: a waiter's sleep.
declare -A also=([sync]="os")
status=0
for i in "${!order[@]}"; do
    layer=${order[$i]}
    allowed=" ${order[*]:0:$((i + 1))} ${also[$layer]:-} "
    while IFS=: read -r file line text; do
        used=$(sed -E 's/.*crate::([a-z_]+)::.*/\1/' <<<"$text")
        case " ${order[*]} " in
            *" $used "*) ;;
            *) continue ;;
        esac
        if [[ $allowed != *" $used "* ]]; then
            echo "$file:$line: $layer must not use $used"
            status=1
        fi
    done < <(grep -rnE 'crate::[a-z_]+::' "src/$layer" || true)
done
# What is deliberately absent below the thread layer.
if grep -rn 'thread_local!' src/base src/sync src/os src/arena src/pool src/heap; then
    echo "nothing below the thread layer reads a thread-local"
    status=1
fi
if grep -rnE '\bstd::thread|crate::thread' src/pool src/arena; then
    echo "pools and arenas know no thread"
    status=1
fi
[ $status = 0 ] && echo "layers: ok"
exit $status
