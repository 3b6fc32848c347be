// Gives random frames, with random headers of offloads, to all that reads or changes frames: ./fuzz_frame COUNT. It is
// compiled with sanitizers, and each frame has just the memory that a wire would give it. Prints how many it was.
#include "../../src/addon/wire/frame.h"
#include "../../src/addon/wire/rule.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

using namespace linux_ns;

static uint64_t state = 42;

static uint32_t Below(uint32_t end) {
  state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return static_cast<uint32_t>(state >> 33) % end;
}

static uint16_t Word() { return static_cast<uint16_t>(Below(3) == 0 ? Below(65536) : Below(128)); }

static double Chance() { return Below(2) == 0 ? 0 : Below(1001) / 1000.0; }

static Impairment RandomImpairment() {
  Impairment impairment;
  impairment.delay = Below(1000000);
  impairment.jitter = Below(2000000);
  impairment.distribution = static_cast<Impairment::Distribution>(Below(3));
  impairment.loss = Chance() / 2;
  impairment.burst = 1 + Below(5);
  impairment.duplicate = Chance();
  impairment.reorder = Chance();
  impairment.corrupt = Chance();
  impairment.rate = Below(2) == 0 ? 0 : 1 + Below(1000000);
  impairment.queue = Below(20);
  impairment.mtu = Below(2) == 0 ? 0 : Below(1500);
  return impairment;
}

int main(int count, char **arguments) {
  static const uint16_t kTypes[] = {0x0800, 0x86dd, 0x8100, 0x88a8, 0x0806, 0, 0xffff};
  Chances chances(7);
  Rule rule(RandomImpairment(), {}, {});
  uint64_t now = 1;
  uint64_t sum = 0;
  int done = 0;
  for (int left = count < 2 ? 0 : atoi(arguments[1]); left > 0; left--) {
    size_t size = Below(4) == 0 ? Below(40) : Below(2000);
    std::unique_ptr<uint8_t[]> memory(new uint8_t[kVlanTagSize + size]);
    for (size_t at = 0; at < kVlanTagSize + size; at++) {
      memory[at] = static_cast<uint8_t>(Below(256));
    }
    for (size_t at = kVlanTagSize + 12; at + 2 <= kVlanTagSize + size && at <= kVlanTagSize + 20; at += 4) {
      uint16_t type = kTypes[Below(sizeof(kTypes) / sizeof(kTypes[0]))];
      memory[at] = static_cast<uint8_t>(type >> 8);
      memory[at + 1] = static_cast<uint8_t>(type);
    }
    OffloadHeader offload = {static_cast<uint8_t>(Below(8)), static_cast<uint8_t>(Below(3) == 0 ? Below(256) : 0), Word(),
                             Word(), Word(), Word()};
    Frame frame = {&offload, memory.get() + kVlanTagSize, size};
    if (Below(4) == 0) {
      InsertVlanTag(&frame, 0x8100, Word());
    }
    if (Below(1000) == 0) {
      rule = Rule(RandomImpairment(), {}, {});
    }
    FrameFacts facts = ReadFrame(frame);
    now += Below(1000000);
    Verdict verdict = rule.Decide(facts, frame.size, now, &chances);
    if (verdict.fate == Fate::kDelivered && verdict.due < now) {
      fprintf(stderr, "a frame is due before it has come\n");
      return 1;
    }
    sum += facts.network_size;
    if (FlipBit(&frame, Below(1000000) / 1e6)) {
      sum += frame.size == 0 ? 0 : frame.bytes[Below(static_cast<uint32_t>(frame.size))];
    }
    done++;
  }
  printf("%d %d\n", done, sum > 0);
  return 0;
}
