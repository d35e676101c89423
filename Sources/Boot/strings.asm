; The memory and string functions that compiled code calls by name.
;
; Under TCG each step of a string instruction costs about the same whatever its
; width, so the long forms move eight bytes a step; on real hardware they are as
; good. Registers as in the System V ABI: rdi, rsi, rdx, result in rax.

bits 64
section .text

; void *memcpy(void *target, const void *source, size_t count)
global memcpy
align 16
memcpy:
  mov rax, rdi
  cmp rdx, 16
  jb copy_small
  cmp rdx, 32
  jbe copy_16_to_32
  mov rcx, rdx
  shr rcx, 3
  ; The tail is copied first, as eight bytes that may overlap the rest.
  mov r8, [rsi + rdx - 8]
  lea r9, [rdi + rdx - 8]
  rep movsq
  mov [r9], r8
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
  ; Forwards unless the target begins inside the source.
  mov rcx, rdi
  sub rcx, rsi
  cmp rcx, rdx
  jae .forwards
  ; Backwards, eight bytes a step; the first ones last.
  mov r8, [rsi]
  mov r9, rdi
  lea rsi, [rsi + rdx - 8]
  lea rdi, [rdi + rdx - 8]
  mov rcx, rdx
  shr rcx, 3
  std
  rep movsq
  cld
  mov [r9], r8
  ret
.forwards:
  mov rcx, rdx
  shr rcx, 3
  mov r8, [rsi + rdx - 8]
  lea r9, [rdi + rdx - 8]
  rep movsq
  mov [r9], r8
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
