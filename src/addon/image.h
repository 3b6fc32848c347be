// nsinit's bytes, and descriptors to run them from.
#ifndef LINUX_NS_ADDON_IMAGE_H
#define LINUX_NS_ADDON_IMAGE_H

#include <cstddef>

#include "failure.h"
#include "fd.h"

namespace linux_ns {

size_t ImageSize();

// A descriptor to run nsinit from, for one launch alone: a sealed memfd, or where that may not be executed
// (vm.memfd_noexec) an unlinked file. Seals cover its contents. Its mode, owner, times, attributes, leases and locks
// are open to programs inside that have the user id of this process, and these change nothing but what runs there
// already.
Result<Fd> TakeImage();

// Makes the image of the next launch now, when nobody waits for it.
void PrepareImage();

} // namespace linux_ns

#endif
