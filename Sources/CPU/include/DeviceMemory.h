#pragma once

// Memory that a device reads or writes too: its registers, and rings. One
// access of just this width each, never merged, never left out.

#include <stdint.h>

#define CPU_MEMORY static inline __attribute__((always_inline))

CPU_MEMORY uint8_t cpu_load8(uintptr_t address) {
  return *(volatile uint8_t *)address;
}

CPU_MEMORY uint16_t cpu_load16(uintptr_t address) {
  return *(volatile uint16_t *)address;
}

CPU_MEMORY uint32_t cpu_load32(uintptr_t address) {
  return *(volatile uint32_t *)address;
}

CPU_MEMORY void cpu_store8(uintptr_t address, uint8_t value) {
  *(volatile uint8_t *)address = value;
}

CPU_MEMORY void cpu_store16(uintptr_t address, uint16_t value) {
  *(volatile uint16_t *)address = value;
}

CPU_MEMORY void cpu_store32(uintptr_t address, uint32_t value) {
  *(volatile uint32_t *)address = value;
}

CPU_MEMORY void cpu_store64(uintptr_t address, uint64_t value) {
  *(volatile uint64_t *)address = value;
}

// Barriers between the processor and a device on the same memory, which is a
// processor as far as ordering goes. VIRTIO 1.2 §2.7.13.

// What was read before stays before what follows.
CPU_MEMORY void cpu_acquire_fence(void) {
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
}

// What was written before stays before what is written after.
CPU_MEMORY void cpu_release_fence(void) {
  __atomic_thread_fence(__ATOMIC_RELEASE);
}

// What was written before is seen before what follows is read: the one order
// that x86 does not keep by itself. SDM 3A §9.2.
CPU_MEMORY void cpu_full_fence(void) {
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

#undef CPU_MEMORY
