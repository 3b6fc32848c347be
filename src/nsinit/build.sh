#!/bin/sh
# Compiles nsinit and writes an assembler file that embeds it: sh build.sh <program> <assembler file>
# CC names the compiler; a cross compiler makes the other architecture's.
set -eu
here=$(dirname "$0")
program=$1
image=$2
# No libc and no start files; no position to relocate; nothing that calls into a runtime (stack protector, unwinding).
${CC:-cc} -std=c11 -Os -Wall -Wextra -Wmissing-prototypes -Werror -nostdlib -static -ffreestanding -fno-pie -no-pie -fno-stack-protector \
  -fno-asynchronous-unwind-tables -fno-unwind-tables -fno-tree-loop-distribute-patterns -fomit-frame-pointer \
  -ffunction-sections -fdata-sections -Wl,--gc-sections -Wl,--build-id=none -Wl,-z,noexecstack -Wl,-z,norelro -Wl,-z,noseparate-code -s \
  -o "$program" "$here"/*.c
cat > "$image" <<ASM
    .section .rodata
    .global linux_ns_nsinit, linux_ns_nsinit_end
    .balign 16
linux_ns_nsinit:
    .incbin "$program"
linux_ns_nsinit_end:
    .section .note.GNU-stack, "", %progbits
ASM
