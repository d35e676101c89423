; The memory and string functions that compiled code calls by name.
;
; Copies move 16 bytes an instruction, 64 a turn, and large ones twice and four
; times as much where there is AVX: under TCG each step of a string instruction
; costs as much as an instruction of its own, whatever its width, and on real
; hardware the two are as good. Interrupts save no vector registers, and touch
; none. Registers as in the System V ABI: rdi, rsi, rdx,
; result in rax.

bits 64
section .text

extern boot_has_avx

; void *memcpy(void *target, const void *source, size_t count)
global memcpy
align 16
memcpy:
  mov rax, rdi
  cmp rdx, 16
  jb copy_small
  cmp rdx, 32
  jbe copy_16_to_32
  cmp rdx, 64
  jbe copy_33_to_64

; More than 64 bytes, of which the target does not begin inside the source.
; The last 64 are loaded first and stored last, over what the turns before
; them have left.
copy_forwards:
  cmp rdx, 256
  jae copy_large
copy_narrow:
  movups xmm4, [rsi + rdx - 64]
  movups xmm5, [rsi + rdx - 48]
  movups xmm6, [rsi + rdx - 32]
  movups xmm7, [rsi + rdx - 16]
  lea r8, [rdi + rdx - 64]
  sub rsi, rdi                  ; the source, as seen from the target
align 16
.turn:
  movups xmm0, [rdi + rsi]
  movups xmm1, [rdi + rsi + 16]
  movups xmm2, [rdi + rsi + 32]
  movups xmm3, [rdi + rsi + 48]
  movups [rdi], xmm0
  movups [rdi + 16], xmm1
  movups [rdi + 32], xmm2
  movups [rdi + 48], xmm3
  add rdi, 64
  cmp rdi, r8
  jb .turn
  movups [r8], xmm4
  movups [r8 + 16], xmm5
  movups [r8 + 32], xmm6
  movups [r8 + 48], xmm7
  ret

; The same with registers of 32 bytes, 256 bytes a turn.
copy_large:
  cmp byte [rel boot_has_avx], 0
  je copy_narrow
  vmovups ymm8, [rsi + rdx - 256]
  vmovups ymm9, [rsi + rdx - 224]
  vmovups ymm10, [rsi + rdx - 192]
  vmovups ymm11, [rsi + rdx - 160]
  vmovups ymm12, [rsi + rdx - 128]
  vmovups ymm13, [rsi + rdx - 96]
  vmovups ymm14, [rsi + rdx - 64]
  vmovups ymm15, [rsi + rdx - 32]
  lea r8, [rdi + rdx - 256]
  cmp rdi, r8
  je .last
  sub rsi, rdi
align 16
.turn:
  vmovups ymm0, [rdi + rsi]
  vmovups ymm1, [rdi + rsi + 32]
  vmovups ymm2, [rdi + rsi + 64]
  vmovups ymm3, [rdi + rsi + 96]
  vmovups ymm4, [rdi + rsi + 128]
  vmovups ymm5, [rdi + rsi + 160]
  vmovups ymm6, [rdi + rsi + 192]
  vmovups ymm7, [rdi + rsi + 224]
  vmovups [rdi], ymm0
  vmovups [rdi + 32], ymm1
  vmovups [rdi + 64], ymm2
  vmovups [rdi + 96], ymm3
  vmovups [rdi + 128], ymm4
  vmovups [rdi + 160], ymm5
  vmovups [rdi + 192], ymm6
  vmovups [rdi + 224], ymm7
  add rdi, 256
  cmp rdi, r8
  jb .turn
.last:
  vmovups [r8], ymm8
  vmovups [r8 + 32], ymm9
  vmovups [r8 + 64], ymm10
  vmovups [r8 + 96], ymm11
  vmovups [r8 + 128], ymm12
  vmovups [r8 + 160], ymm13
  vmovups [r8 + 192], ymm14
  vmovups [r8 + 224], ymm15
  vzeroupper                    ; or SSE instructions are slow afterwards
  ret

; All loads before all stores, so they may overlap.
copy_33_to_64:
  movups xmm0, [rsi]
  movups xmm1, [rsi + 16]
  movups xmm2, [rsi + rdx - 32]
  movups xmm3, [rsi + rdx - 16]
  movups [rdi], xmm0
  movups [rdi + 16], xmm1
  movups [rdi + rdx - 32], xmm2
  movups [rdi + rdx - 16], xmm3
  ret

copy_16_to_32:
  movups xmm0, [rsi]
  movups xmm1, [rsi + rdx - 16]
  movups [rdi], xmm0
  movups [rdi + rdx - 16], xmm1
  ret

; 0 to 15 bytes; all loads before all stores, so they may overlap.
copy_small:
  cmp edx, 8
  jae .eight
  cmp edx, 4
  jae .four
  cmp edx, 2
  jae .two
  test edx, edx
  jz .done
  mov cl, [rsi]
  mov [rdi], cl
.done:
  ret
.eight:
  mov rcx, [rsi]
  mov r8, [rsi + rdx - 8]
  mov [rdi], rcx
  mov [rdi + rdx - 8], r8
  ret
.four:
  mov ecx, [rsi]
  mov r8d, [rsi + rdx - 4]
  mov [rdi], ecx
  mov [rdi + rdx - 4], r8d
  ret
.two:
  mov cx, [rsi]
  mov r8w, [rsi + rdx - 2]
  mov [rdi], cx
  mov [rdi + rdx - 2], r8w
  ret

; void *memmove(void *target, const void *source, size_t count)
global memmove
align 16
memmove:
  mov rax, rdi
  cmp rdx, 16
  jb copy_small
  cmp rdx, 32
  jbe copy_16_to_32
  cmp rdx, 64
  jbe copy_33_to_64
  ; Forwards unless the target begins inside the source.
  mov rcx, rdi
  sub rcx, rsi
  cmp rcx, rdx
  jae copy_forwards
  ; Backwards. The first 64 bytes are loaded first and stored last.
  movups xmm4, [rsi]
  movups xmm5, [rsi + 16]
  movups xmm6, [rsi + 32]
  movups xmm7, [rsi + 48]
  lea r8, [rdi + 64]
  add rdi, rdx
  sub rsi, rax                  ; the source, as seen from the target
align 16
.turn:
  movups xmm0, [rdi + rsi - 16]
  movups xmm1, [rdi + rsi - 32]
  movups xmm2, [rdi + rsi - 48]
  movups xmm3, [rdi + rsi - 64]
  movups [rdi - 16], xmm0
  movups [rdi - 32], xmm1
  movups [rdi - 48], xmm2
  movups [rdi - 64], xmm3
  sub rdi, 64
  cmp rdi, r8
  ja .turn
  movups [rax], xmm4
  movups [rax + 16], xmm5
  movups [rax + 32], xmm6
  movups [rax + 48], xmm7
  ret

; void *memset(void *target, int byte, size_t count)
global memset
align 16
memset:
  mov r9, rdi
  movzx eax, sil
  mov rcx, 0x0101010101010101
  imul rax, rcx
  cmp rdx, 8
  jb .small
  mov [rdi + rdx - 8], rax
  mov rcx, rdx
  shr rcx, 3
  rep stosq
  mov rax, r9
  ret
.small:
  mov rcx, rdx
  rep stosb
  mov rax, r9
  ret

; int memcmp(const void *left, const void *right, size_t count)
; int bcmp(const void *left, const void *right, size_t count)
global memcmp
global bcmp
align 16
memcmp:
bcmp:
  xor eax, eax
  mov rcx, rdx
  cmp rcx, rcx                  ; equal, should the count be zero
  repe cmpsb
  je .equal
  movzx eax, byte [rdi - 1]
  movzx ecx, byte [rsi - 1]
  sub eax, ecx
  ret
.equal:
  ret

; size_t strlen(const char *text)
global strlen
align 16
strlen:
  xor eax, eax
.next:
  cmp byte [rdi + rax], 0
  je .end
  inc rax
  jmp .next
.end:
  ret

; char *strncpy(char *target, const char *source, size_t count)
global strncpy
align 16
strncpy:
  mov rax, rdi
  xor ecx, ecx
.next:
  cmp rcx, rdx
  jae .end
  mov r8b, [rsi + rcx]
  mov [rdi + rcx], r8b
  inc rcx
  test r8b, r8b
  jnz .next
.pad:
  cmp rcx, rdx
  jae .end
  mov byte [rdi + rcx], 0
  inc rcx
  jmp .pad
.end:
  ret
