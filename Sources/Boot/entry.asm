; The way from QEMU's PVH entry to 64-bit Swift.
;
; QEMU finds the note below, loads the ELF and jumps to `pvh_entry` in 32-bit
; protected mode: flat segments, paging off, EBX = address of the start info.
; (Xen's docs/misc/pvh.pandoc; QEMU hw/i386/x86.c.)
;
; What is set up here is the least that Swift code needs: long mode (SDM 3A
; §10.8.5), SSE (§13.1.3-4) and AVX (§13.5.1), a stack, and an FS block for the stack protector.
; The page tables made here map 4 GiB as they are and allow everything; the
; kernel replaces them by tables that do not (Kernel/PageTables.swift).

bits 32

section .note.Xen note alloc noexec nowrite align=4
  dd .name_end - .name, .description_end - .description
  dd 18                         ; XEN_ELFNOTE_PHYS32_ENTRY
.name:
  db "Xen", 0
.name_end:
.description:
  dd pvh_entry
.description_end:

PRESENT equ 1 << 0
WRITABLE equ 1 << 1
LARGE equ 1 << 7

CR0_PE equ 1 << 0
CR0_MP equ 1 << 1
CR0_EM equ 1 << 2
CR0_WP equ 1 << 16
CR0_PG equ 1 << 31
CR4_PAE equ 1 << 5
CR4_OSFXSR equ 1 << 9
CR4_OSXMMEXCPT equ 1 << 10
CR4_OSXSAVE equ 1 << 18
XCR0_X87 equ 1 << 0
XCR0_SSE equ 1 << 1
XCR0_AVX equ 1 << 2
CPUID_XSAVE equ 1 << 26         ; leaf 1, ECX
CPUID_AVX equ 1 << 28
MSR_EFER equ 0xC0000080
EFER_LME equ 1 << 8
EFER_NXE equ 1 << 11
MSR_FS_BASE equ 0xC0000100

section .text

global pvh_entry
pvh_entry:
  cli
  cld
  rdtsc                         ; the time that all boot phases count from
  mov [boot_entry_tsc], eax
  mov [boot_entry_tsc + 4], edx
  mov [boot_start_info], ebx

  ; Level 4 and 3: one entry, then one a GiB.
  mov dword [boot_pml4], boot_pdpt + (PRESENT | WRITABLE)
  mov eax, boot_page_directories + (PRESENT | WRITABLE)
  mov edi, boot_pdpt
  mov ecx, 4
.gibibyte:
  mov [edi], eax
  add eax, 4096
  add edi, 8
  loop .gibibyte

  ; Level 2: 2,048 pages of 2 MiB.
  mov eax, PRESENT | WRITABLE | LARGE
  mov edi, boot_page_directories
  mov ecx, 2048
.page:
  mov [edi], eax
  add eax, 1 << 21
  add edi, 8
  loop .page

  mov eax, CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT
  mov cr4, eax
  mov eax, boot_pml4
  mov cr3, eax
  mov ecx, MSR_EFER
  xor edx, edx
  mov eax, EFER_LME | EFER_NXE
  wrmsr
  mov eax, CR0_PE | CR0_MP | CR0_WP | CR0_PG
  mov cr0, eax

  lgdt [gdt_pointer]
  jmp GDT_CODE:.long_mode

bits 64
.long_mode:
  mov eax, GDT_DATA
  mov ds, eax
  mov es, eax
  mov ss, eax
  xor eax, eax
  mov gs, eax
  mov fs, eax

  mov ecx, MSR_FS_BASE          ; %fs:0x28 is where the compiler looks for it
  mov eax, stack_protector_block
  xor edx, edx
  wrmsr

  ; The wide registers are for copies alone (strings.asm); where there are none,
  ; they do with SSE.
  mov eax, 1
  cpuid
  and ecx, CPUID_XSAVE | CPUID_AVX
  cmp ecx, CPUID_XSAVE | CPUID_AVX
  jne .narrow
  mov rax, cr4
  or eax, CR4_OSXSAVE
  mov cr4, rax
  xor ecx, ecx
  xor edx, edx
  mov eax, XCR0_X87 | XCR0_SSE | XCR0_AVX
  xsetbv
  mov byte [boot_has_avx], 1
.narrow:

  mov rsp, boot_stack_top
  xor ebp, ebp                  ; the end of every call stack
  mov edi, [boot_start_info]
  call kernel_start             ; does not return
  ud2

; Calls the app's main, which starts it as a task and returns.
global boot_start_app
boot_start_app:
  xor edi, edi
  xor esi, esi
  jmp main

extern main
extern kernel_start
extern boot_stack_top

section .rodata
align 8
gdt_pointer:
  dw gdt.end - gdt - 1
  dq gdt

section .data
align 16
; SDM 3A §3.4.5 and §8.2.3. The kernel writes the task state segment's base.
global gdt
gdt:
  dq 0
GDT_CODE equ $ - gdt
  dq 0x00AF9B000000FFFF         ; present, code, readable, 64-bit, accessed
GDT_DATA equ $ - gdt
  dq 0x00CF93000000FFFF         ; present, data, writable, accessed
GDT_TSS equ $ - gdt
  dq 0, 0
.end:

global boot_entry_tsc
boot_entry_tsc: dq 0
boot_start_info: dd 0
; Whether AVX can be used.
global boot_has_avx
boot_has_avx: db 0

; The thread control block as far as the stack protector knows it. The kernel
; puts random bits into the canary once it has any.
align 16
stack_protector_block:
  times 5 dq 0
global stack_protector_canary
stack_protector_canary:
  dq 0x00000AFF0D0A0000         ; at 0x28

section .bss nobits alloc noexec write align=4096
boot_pml4: resb 4096
boot_pdpt: resb 4096
boot_page_directories: resb 4 * 4096
