// A packet socket with a ring, as JavaScript holds it: NativeCapture of types/native.d.ts.
#ifndef LINUX_NS_ADDON_CAPTURE_H
#define LINUX_NS_ADDON_CAPTURE_H

#include <napi.h>

#include <sys/mman.h>

#include <cstddef>

#include "watched.h"

namespace linux_ns {

// Memory that a packet socket shares with the kernel.
class Ring {
public:
  Ring() = default;
  Ring(const Ring &) = delete;
  Ring &operator=(const Ring &) = delete;
  ~Ring() { Unmap(); }

  bool Map(int fd, size_t size) {
    void *mapped = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED) {
      return false;
    }
    bytes_ = static_cast<char *>(mapped);
    size_ = size;
    return true;
  }

  void Unmap() {
    if (bytes_ != nullptr) {
      munmap(bytes_, size_);
    }
    bytes_ = nullptr;
  }

  char *bytes() const { return bytes_; }
  size_t size() const { return size_; }

private:
  char *bytes_ = nullptr;
  size_t size_ = 0;
};

class Capture : public WatchedObject<Capture> {
public:
  static constexpr char kName[] = "NativeCapture";

  static void Init(Napi::Env env, Napi::Object exports);
  using WatchedObject::WatchedObject;

  void Shut() override;

private:
  friend WatchedObject;
  bool Begin(const Napi::CallbackInfo &info);

  Napi::Value Receive(const Napi::CallbackInfo &info);
  Napi::Value Statistics(const Napi::CallbackInfo &info);
  void Stop(const Napi::CallbackInfo &info);
  void TakeNoteOfError();

  Ring ring_;
  size_t next_ = 0;    // the block that is received next
  double in_ring_ = 0; // frames that the kernel has counted, and that were not received yet
  double dropped_ = 0;
};

} // namespace linux_ns

#endif
