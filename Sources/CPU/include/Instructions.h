#pragma once

// The instructions that Swift has no word for, a line each: `static inline`, so
// that a call is the instruction. SDM volume 2.
//
// On a host of another architecture nothing here exists; what uses it is the
// kernel, and that is for x86-64 alone.

#include <stdint.h>

#if defined(__x86_64__)

#define CPU_INLINE static inline __attribute__((always_inline))

// Ports. SDM 1 §19.

CPU_INLINE uint8_t cpu_in8(uint16_t port) {
  uint8_t value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
  return value;
}

CPU_INLINE uint16_t cpu_in16(uint16_t port) {
  uint16_t value;
  __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
  return value;
}

CPU_INLINE uint32_t cpu_in32(uint16_t port) {
  uint32_t value;
  __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
  return value;
}

CPU_INLINE void cpu_out8(uint16_t port, uint8_t value) {
  __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

CPU_INLINE void cpu_out16(uint16_t port, uint16_t value) {
  __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

CPU_INLINE void cpu_out32(uint16_t port, uint32_t value) {
  __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

// The processor's own state.

CPU_INLINE uint64_t cpu_timestamp(void) {
  uint32_t low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return (uint64_t)high << 32 | low;
}

CPU_INLINE uint64_t cpu_read_msr(uint32_t number) {
  uint32_t low, high;
  __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(number));
  return (uint64_t)high << 32 | low;
}

CPU_INLINE void cpu_write_msr(uint32_t number, uint64_t value) {
  __asm__ volatile("wrmsr"
                   :
                   : "c"(number), "a"((uint32_t)value),
                     "d"((uint32_t)(value >> 32))
                   : "memory");
}

struct cpuid {
  uint32_t a, b, c, d;
};

CPU_INLINE struct cpuid cpu_id(uint32_t leaf, uint32_t subleaf) {
  struct cpuid r;
  __asm__ volatile("cpuid"
                   : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d)
                   : "a"(leaf), "c"(subleaf));
  return r;
}

CPU_INLINE uint64_t cpu_read_cr2(void) {
  uint64_t value;
  __asm__ volatile("mov %%cr2, %0" : "=r"(value));
  return value;
}

CPU_INLINE void cpu_write_cr3(uint64_t value) {
  __asm__ volatile("mov %0, %%cr3" : : "r"(value) : "memory");
}

CPU_INLINE uintptr_t cpu_frame_pointer(void) {
  uintptr_t value;
  __asm__ volatile("mov %%rbp, %0" : "=r"(value));
  return value;
}

CPU_INLINE uintptr_t cpu_instruction_pointer(void) {
  uintptr_t value;
  __asm__ volatile("lea 0(%%rip), %0" : "=r"(value));
  return value;
}

// True with a random number in *value, false when the hardware has none ready.

CPU_INLINE _Bool cpu_rdrand(uint64_t *value) {
  _Bool ready;
  __asm__ volatile("rdrand %0" : "=r"(*value), "=@ccc"(ready));
  return ready;
}

CPU_INLINE _Bool cpu_rdseed(uint64_t *value) {
  _Bool ready;
  __asm__ volatile("rdseed %0" : "=r"(*value), "=@ccc"(ready));
  return ready;
}

// Halts with interrupts off: only a reset or an NMI ends it.
CPU_INLINE void cpu_halt_for_ever(void) { __asm__ volatile("cli; hlt"); }

CPU_INLINE void cpu_pause(void) { __asm__ volatile("pause"); }

#endif
