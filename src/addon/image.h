// nsinit's bytes, and descriptors to run them from.
#ifndef LINUX_NS_ADDON_IMAGE_H
#define LINUX_NS_ADDON_IMAGE_H

#include <cstddef>

#include "failure.h"
#include "fd.h"

namespace linux_ns {

size_t ImageSize();

// A descriptor to run nsinit from, for one launch alone: a sealed memfd, or an unlinked file where a memfd cannot be
// executed (vm.memfd_noexec). The seals protect the contents. Programs inside that have the user id of this process can
// change its mode, owner, times, attributes, leases and locks, but these only concern the task that already runs it.
Result<Fd> TakeImage();

// Makes the image of the next launch now, when nobody waits for it.
void PrepareImage();

} // namespace linux_ns

#endif
