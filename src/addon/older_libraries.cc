// Symbols that the headers of newer libraries refer to and that older libraries do not have. With them a prebuilt addon
// loads with glibc 2.28 and the libstdc++ of GCC 8, as Node's own binaries do. scripts/check-package.js fails when a
// symbol is missing here.
#include <cstdlib>

// glibc 2.32, <sys/single_threaded.h>: read by shared_ptr. This process has launcher threads.
extern "C" {
__attribute__((visibility("hidden"))) extern char __libc_single_threaded;
char __libc_single_threaded = 0;
}

// libstdc++ 11, from `new T[n]` with an n that no memory has room for. Without exceptions there is nothing else to do.
namespace std {
void __throw_bad_array_new_length() { std::abort(); }
} // namespace std
