// nsinit's bytes, and descriptors to run them from.
#ifndef LINUX_NS_ADDON_IMAGE_H
#define LINUX_NS_ADDON_IMAGE_H

#include <cstddef>

#include "failure.h"
#include "fd.h"

namespace linux_ns {

size_t ImageSize();

// A descriptor to run nsinit from, that nobody can write to: a sealed memfd, made once for the process, or where that
// may not be executed (vm.memfd_noexec) an unlinked file of this launch alone.
Result<Fd> OpenImage();

} // namespace linux_ns

#endif
