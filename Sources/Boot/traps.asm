; Where the processor goes when something happens: exceptions and interrupts.
; SDM 3A chapter 6.
;
; An exception is the end of the machine: its stub saves every register in the
; layout of `struct trap_frame` (CPU/include/Boot.h) and calls `kernel_trap`, which does not return.
;
; An interrupt only ends a halt. Interrupts are enabled in `cpu_halt` alone, so
; its stub counts which vector it was, acknowledges, and returns with interrupts
; off: a level-triggered line that is still up cannot storm, and no Swift code
; runs inside a handler. Nothing is saved but the one register used. A line that
; has a driver is acknowledged by the kernel, once its device has let go of it:
; sooner, and the 8259 or the IOAPIC would at once send the same interrupt again.
; One of the 8259s that has none is acknowledged here: in service for ever, it
; would keep back all below it.

bits 64
default rel

EXCEPTIONS equ 32
INTERRUPT_VECTORS equ 224       ; 32 to 255
PIC_LAST equ 47                 ; 32 to 47 come from the two 8259s
PIN_LAST equ 63                 ; 48 to 63 come from the IOAPICs
SPURIOUS equ 255                ; LAPIC: no acknowledgement, SDM 3A §11.9
LAPIC_EOI equ 0xFEE000B0
PIC_FIRST equ 32
PIC1_COMMAND equ 0x20
PIC2_COMMAND equ 0xA0
PIC_EOI equ 0x20
RFLAGS_IF equ 1 << 9

section .text
extern kernel_trap

; Vectors whose exception pushes an error code: SDM 3A §6.13.
%define HAS_ERROR_CODE(n) (n == 8 || (n >= 10 && n <= 14) || n == 17 || n == 21 || n == 29 || n == 30)

%assign vector 0
%rep EXCEPTIONS
trap_%+vector:
%if !HAS_ERROR_CODE(vector)
  push 0
%endif
  push vector
  jmp trap_common
%assign vector vector + 1
%endrep

trap_common:
  push r15
  push r14
  push r13
  push r12
  push r11
  push r10
  push r9
  push r8
  push rbp
  push rdi
  push rsi
  push rdx
  push rcx
  push rbx
  push rax
  cld
  mov rdi, rsp
  mov rbp, rsp
  and rsp, -16
  call kernel_trap
  ud2

%assign vector EXCEPTIONS
%rep INTERRUPT_VECTORS
interrupt_%+vector:
%if vector == SPURIOUS
  iretq
%else
  inc byte [interrupt_counts + vector]
  push rax
%if vector <= PIN_LAST
  cmp byte [lines_watched + vector - PIC_FIRST], 0
  jne watched_%+vector
%endif
%if vector <= PIC_LAST
  mov al, PIC_EOI
%if vector >= PIC_FIRST + 8
  out PIC2_COMMAND, al
%endif
  out PIC1_COMMAND, al
%else
  mov eax, LAPIC_EOI
  mov dword [rax], 0
%endif
%if vector <= PIN_LAST
watched_%+vector:
%endif
  pop rax
  and qword [rsp + 16], ~RFLAGS_IF
  iretq
%endif
%assign vector vector + 1
%endrep

; Waits for an interrupt. `sti` takes effect after the next instruction, so
; none can slip in between; the handler returns with interrupts off.
; SDM 2B, STI.
global cpu_halt
cpu_halt:
  sti
  hlt
  cli
  ret

; Lets an interrupt in that is waiting, if one is.
global cpu_glance
cpu_glance:
  sti
  nop
  cli
  ret

; Loads the interrupt table and the task register.
global traps_load
traps_load:
  lidt [idt_pointer]
  mov ax, 0x18                  ; the task state segment in entry.asm's table
  ltr ax
  ret

section .rodata
align 8
global trap_stubs
trap_stubs:
%assign vector 0
%rep EXCEPTIONS
  dq trap_%+vector
%assign vector vector + 1
%endrep
%rep INTERRUPT_VECTORS
  dq interrupt_%+vector
%assign vector vector + 1
%endrep

idt_pointer:
  dw 256 * 16 - 1
  dq idt

section .bss nobits alloc noexec write align=16
global idt
idt: resb 256 * 16
; SDM 3A §8.7: 104 bytes.
global task_state_segment
task_state_segment: resb 104
alignb 16
global interrupt_counts
interrupt_counts: resb 256
; Which vectors of lines, from PIC_FIRST to PIN_LAST, have a driver that ends
; their interrupts, a byte each.
global lines_watched
lines_watched: resb PIN_LAST - PIC_FIRST + 1
