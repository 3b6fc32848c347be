/*
 * Raw system calls for x86-64 and arm64, for code that may not touch libc: nsinit, which has none, and the child of
 * clone3(CLONE_VM), which shares Node's. Each returns the kernel's answer: a result, or -errno. See syscall(2).
 */
#ifndef LINUX_NS_SYS_SYSCALL_H
#define LINUX_NS_SYS_SYSCALL_H

#include <asm/unistd.h>

/* The result of each call has to be looked at: must(), or ignored() below. */
#define SYS_LOOKED_AT __attribute__((warn_unused_result))

#if defined(__x86_64__)

SYS_LOOKED_AT static inline long sys_call6(long number, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

/*
 * A clone whose child starts in entry(argument) on the stack that the call names, and never returns here: the parent's
 * frame would not be there for it. The arguments are clone3(2)'s two or clone(2)'s five.
 */
SYS_LOOKED_AT static inline long sys_clone_into(long number, long a, long b, long c, long d, long e,
                                                void (*entry)(void *), void *argument) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  __asm__ volatile("syscall\n\t"
                   "test %%rax, %%rax\n\t"
                   "jnz 1f\n\t"
                   "xor %%ebp, %%ebp\n\t"
                   "mov %[argument], %%rdi\n\t"
                   "call *%[entry]\n\t"
                   "ud2\n"
                   "1:"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10),
                     "r"(r8), [entry] "b"(entry), [argument] "r"(argument)
                   : "rcx", "r11", "memory");
  return result;
}

#elif defined(__aarch64__)

SYS_LOOKED_AT static inline long sys_call6(long number, long a, long b, long c, long d, long e, long f) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory", "cc");
  return x0;
}

SYS_LOOKED_AT static inline long sys_clone_into(long number, long a, long b, long c, long d, long e,
                                                void (*entry)(void *), void *argument) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register void (*x9)(void *) __asm__("x9") = entry;
  register void *x10 __asm__("x10") = argument;
  __asm__ volatile("svc #0\n\t"
                   "cbnz x0, 1f\n\t"
                   "mov x29, xzr\n\t"
                   "mov x30, xzr\n\t"
                   "mov x0, x10\n\t"
                   "blr x9\n\t"
                   "brk #1\n"
                   "1:"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x9), "r"(x10)
                   : "memory", "cc");
  return x0;
}

#else
#error "linux-ns knows the system calls of x86-64 and arm64 only"
#endif

/*
 * The result of each call has to be looked at: the compiler refuses to drop it. This is for the few calls whose result
 * nothing depends on; `why` gives the reason.
 */
#define ignored(call, why)                                                                                             \
  do {                                                                                                                 \
    long ignored_result = (call);                                                                                      \
    (void)ignored_result;                                                                                              \
    (void)sizeof(why);                                                                                                 \
  } while (0)

#define SYS_ARGUMENT(value) ((long)(value))
#define sys0(number) sys_call6((number), 0, 0, 0, 0, 0, 0)
#define sys1(number, a) sys_call6((number), SYS_ARGUMENT(a), 0, 0, 0, 0, 0)
#define sys2(number, a, b) sys_call6((number), SYS_ARGUMENT(a), SYS_ARGUMENT(b), 0, 0, 0, 0)
#define sys3(number, a, b, c) sys_call6((number), SYS_ARGUMENT(a), SYS_ARGUMENT(b), SYS_ARGUMENT(c), 0, 0, 0)
#define sys4(number, a, b, c, d)                                                                                       \
  sys_call6((number), SYS_ARGUMENT(a), SYS_ARGUMENT(b), SYS_ARGUMENT(c), SYS_ARGUMENT(d), 0, 0)
#define sys5(number, a, b, c, d, e)                                                                                    \
  sys_call6((number), SYS_ARGUMENT(a), SYS_ARGUMENT(b), SYS_ARGUMENT(c), SYS_ARGUMENT(d), SYS_ARGUMENT(e), 0)
#define sys6(number, a, b, c, d, e, f)                                                                                 \
  sys_call6((number), SYS_ARGUMENT(a), SYS_ARGUMENT(b), SYS_ARGUMENT(c), SYS_ARGUMENT(d), SYS_ARGUMENT(e),             \
            SYS_ARGUMENT(f))

/* Whatever it answers, the descriptor is gone: close(2), "Dealing with error returns from close()". */
static inline void sys_close(long fd) { ignored(sys1(__NR_close, fd), "the descriptor is gone"); }

#endif
