#pragma once

// What Sources/Boot and linker.ld define, for Swift to use. Weak, so that a
// build for the host, which has neither, links all the same.

#include <stdint.h>

#define BOOT_SYMBOL extern __attribute__((weak))

// The registers as Boot/traps.asm saves them. Below `vector` the processor
// itself wrote: SDM 3A §6.14.2.
struct trap_frame {
  uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp;
  uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
  uint64_t vector, error_code;
  uint64_t rip, cs, rflags, rsp, ss;
};

// Enables interrupts, waits for one, and returns with interrupts disabled.
BOOT_SYMBOL void cpu_halt(void);
// Lets an interrupt in that is waiting, if one is.
BOOT_SYMBOL void cpu_glance(void);
// Loads the interrupt table and the task register.
BOOT_SYMBOL void traps_load(void);

// Calls the app's main.
BOOT_SYMBOL void boot_start_app(void);

BOOT_SYMBOL uint64_t boot_entry_tsc;
BOOT_SYMBOL uint64_t stack_protector_canary;
BOOT_SYMBOL uint64_t gdt[5];
BOOT_SYMBOL uint64_t idt[512];
BOOT_SYMBOL uint64_t trap_stubs[256];
BOOT_SYMBOL uint8_t task_state_segment[104];
BOOT_SYMBOL uint8_t interrupt_counts[256];
BOOT_SYMBOL uint8_t lines_watched[32];

// The limits of the image's parts, from linker.ld.
BOOT_SYMBOL char image_start[], text_end[], rodata_end[], data_end[];
BOOT_SYMBOL char stack_guard[], boot_stack_bottom[], boot_stack_top[];
BOOT_SYMBOL char trap_stack_guard[], trap_stack_bottom[], trap_stack_top[];
BOOT_SYMBOL char image_end[];

#define BOOT_ADDRESS(symbol)                                                   \
  static inline uintptr_t boot_address_of_##symbol(void) {                     \
    return (uintptr_t)symbol;                                                  \
  }

BOOT_ADDRESS(image_start)
BOOT_ADDRESS(text_end)
BOOT_ADDRESS(rodata_end)
BOOT_ADDRESS(data_end)
BOOT_ADDRESS(stack_guard)
BOOT_ADDRESS(boot_stack_bottom)
BOOT_ADDRESS(boot_stack_top)
BOOT_ADDRESS(trap_stack_guard)
BOOT_ADDRESS(trap_stack_bottom)
BOOT_ADDRESS(trap_stack_top)
BOOT_ADDRESS(image_end)
BOOT_ADDRESS(gdt)
BOOT_ADDRESS(idt)
BOOT_ADDRESS(trap_stubs)
BOOT_ADDRESS(task_state_segment)
BOOT_ADDRESS(interrupt_counts)
BOOT_ADDRESS(lines_watched)

#undef BOOT_ADDRESS

// Where compiled code finds the stack protector's canary, %fs:0x28.
static inline uintptr_t boot_address_of_stack_protector_canary(void) {
  return (uintptr_t)&stack_protector_canary;
}

// The time-stamp counter at the machine's first instruction.
static inline uint64_t boot_entry_timestamp(void) { return boot_entry_tsc; }

#undef BOOT_SYMBOL
