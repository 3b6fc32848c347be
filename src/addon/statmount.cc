#include "statmount.h"

#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "export.h"
#include "awaited.h"
#include "descriptors.h"
#include "environment_job.h"

namespace linux_ns {
namespace {

// The numbers are the same on x86-64 and arm64; <linux/mount.h> has the rest since 6.8 and 6.15.
constexpr long kStatmount = 457;
constexpr long kListmount = 458;
constexpr uint64_t kListRoot = UINT64_MAX; // LSMT_ROOT
constexpr uint64_t kBasic = 0x2;           // STATMOUNT_MNT_BASIC
constexpr uint64_t kUidMap = 0x2000;       // STATMOUNT_MNT_UIDMAP, Linux 6.15
constexpr uint64_t kGidMap = 0x4000;
constexpr uint64_t kIdMapped = 0x100000; // MOUNT_ATTR_IDMAP

struct mnt_id_req {
  uint32_t size;
  uint32_t spare;
  uint64_t mnt_id;
  uint64_t param;
  uint64_t mnt_ns_id; // Linux 6.11
};
constexpr uint32_t kFirstSize = 24; // without the last member

struct statmount {
  uint32_t size;
  uint32_t mnt_opts;
  uint64_t mask;
  uint32_t sb_dev_major;
  uint32_t sb_dev_minor;
  uint64_t sb_magic;
  uint32_t sb_flags;
  uint32_t fs_type;
  uint64_t mnt_id;
  uint64_t mnt_parent_id;
  uint32_t mnt_id_old;
  uint32_t mnt_parent_id_old;
  uint64_t mnt_attr;
  uint64_t mnt_propagation;
  uint64_t mnt_peer_group;
  uint64_t mnt_master;
  uint64_t propagate_from;
  uint32_t mnt_root;
  uint32_t mnt_point;
  uint64_t mnt_ns_id;
  uint32_t fs_subtype;
  uint32_t sb_source;
  uint32_t opt_num;
  uint32_t opt_array;
  uint32_t opt_sec_num;
  uint32_t opt_sec_array;
  uint64_t supported_mask;
  uint32_t mnt_uidmap_num;
  uint32_t mnt_uidmap;
  uint32_t mnt_gidmap_num;
  uint32_t mnt_gidmap;
  uint64_t spare[43];
  char str[];
};
static_assert(sizeof(struct statmount) == 512, "the kernel's size");

constexpr size_t kBufferBytes = 32 << 10; // an id map has 340 lines at most: user_namespaces(7)

// The numbers of one mount, in the order that types/native.d.ts gives.
constexpr size_t kNumbers = 4;

struct IdMaps {
  uint32_t index;
  std::string uid;
  std::string gid;
};

struct Details {
  std::vector<uint64_t> numbers;
  std::vector<IdMaps> maps;
};

// A number of strings in a row, as the lines of one text.
std::string Lines(const struct statmount *status, uint32_t offset, uint32_t count) {
  std::string lines;
  const char *at = status->str + offset;
  for (uint32_t i = 0; i < count; i++) {
    lines.append(at).append("\n");
    at += strlen(at) + 1;
  }
  return lines;
}

class Look {
public:
  explicit Look(uint64_t namespace_id) : namespace_id_(namespace_id), buffer_(new uint64_t[kBufferBytes / 8]) {}

  // Mounts that come and go meanwhile are left out.
  Details All(bool id_maps) {
    Details details;
    uint64_t ids[512];
    uint64_t last = 0;
    long count;
    do {
      mnt_id_req request = Request(kListRoot, last);
      count = syscall(kListmount, &request, ids, sizeof(ids) / sizeof(ids[0]), 0);
      for (long i = 0; i < count; i++) {
        Add(ids[i], id_maps, &details);
      }
      last = count > 0 ? ids[count - 1] : 0;
    } while (count == static_cast<long>(sizeof(ids) / sizeof(ids[0])));
    return details;
  }

private:
  mnt_id_req Request(uint64_t id, uint64_t param) const {
    uint32_t size = namespace_id_ == 0 ? kFirstSize : static_cast<uint32_t>(sizeof(mnt_id_req));
    return {size, 0, id, param, namespace_id_};
  }

  const struct statmount *Ask(uint64_t id, uint64_t what) {
    mnt_id_req request = Request(id, what);
    struct statmount *status = reinterpret_cast<struct statmount *>(buffer_.get());
    memset(status, 0, sizeof(*status));
    return syscall(kStatmount, &request, status, kBufferBytes, 0) == 0 ? status : nullptr;
  }

  void Add(uint64_t id, bool id_maps, Details *details) {
    const struct statmount *status = Ask(id, kBasic);
    if (status == nullptr || (status->mask & kBasic) == 0) {
      return;
    }
    uint64_t numbers[kNumbers] = {status->mnt_id_old, status->mnt_parent_id_old, status->mnt_id, status->mnt_parent_id};
    uint32_t index = static_cast<uint32_t>(details->numbers.size() / kNumbers);
    details->numbers.insert(details->numbers.end(), numbers, numbers + kNumbers);
    if (!id_maps || (status->mnt_attr & kIdMapped) == 0) {
      return;
    }
    status = Ask(id, kUidMap | kGidMap);
    if (status != nullptr && (status->mask & (kUidMap | kGidMap)) == (kUidMap | kGidMap)) {
      details->maps.push_back({index, Lines(status, status->mnt_uidmap, status->mnt_uidmap_num),
                               Lines(status, status->mnt_gidmap, status->mnt_gidmap_num)});
    }
  }

  uint64_t namespace_id_;
  std::unique_ptr<uint64_t[]> buffer_;
};

// NS_GET_MNTNS_ID, Linux 6.11: ioctl_ns(2).
bool NamespaceId(int fd, uint64_t *id) {
  *id = 0;
  return fd < 0 || ioctl(fd, _IOR(0xb7, 0x5, uint64_t), id) == 0;
}

void Tell(Environment *environment, Awaited awaited, const Details &details) {
  Napi::Env env = awaited->Env();
  Napi::HandleScope scope(env);
  Napi::BigUint64Array numbers = Napi::BigUint64Array::New(env, details.numbers.size());
  if (numbers.IsEmpty()) {
    return; // the environment is being terminated
  }
  if (!details.numbers.empty()) {
    memcpy(numbers.Data(), details.numbers.data(), details.numbers.size() * sizeof(uint64_t));
  }
  Napi::Array maps = Napi::Array::New(env);
  for (const IdMaps &each : details.maps) {
    Napi::Object map = Napi::Object::New(env);
    map.Set("index", Napi::Number::New(env, each.index));
    map.Set("uidMap", Napi::String::New(env, each.uid));
    map.Set("gidMap", Napi::String::New(env, each.gid));
    maps.Set(maps.Length(), map);
  }
  CallAwaited(environment, awaited, {numbers, maps});
}

// Not make_shared: without RTTI it takes a symbol of libstdc++ 9.
std::shared_ptr<Details> Shared(Details details) { return std::shared_ptr<Details>(new Details(std::move(details))); }

void StatMounts(const Napi::CallbackInfo &info) {
  Environment *environment = Environment::Of(info.Env());
  if (!info[2].IsFunction()) {
    Napi::TypeError::New(info.Env(), "statMounts takes a callback").ThrowAsJavaScriptException();
    return;
  }
  int fd = IntArgument(info, 0);
  bool id_maps = BooleanArgument(info, 1);
  Awaited awaited = Await(environment, info[2].As<Napi::Function>());
  auto tell = [environment, awaited](std::shared_ptr<Details> details) {
    environment->Post([environment, awaited, details] { Tell(environment, awaited, *details); });
  };
  auto job = std::make_unique<EnvironmentJob>(environment, [fd, id_maps, tell](const Stack &) {
    uint64_t id = 0;
    bool known = NamespaceId(fd, &id);
    tell(Shared(known ? Look(id).All(id_maps) : Details()));
  });
  if (!Submit(std::move(job))) {
    tell(Shared(Details()));
  }
}

} // namespace

void InitStatmount(Napi::Env env, Napi::Object exports) { Export<StatMounts>(env, exports, "statMounts"); }

} // namespace linux_ns
