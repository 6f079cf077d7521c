# A program for linux/amd64 without a C library: greets its first argument, prints /etc/motd and counts time zones.
	.intel_syntax noprefix
	.globl	_start
	.set	BUFFER, 4096

	.text
_start:
	lea	rsi, [rip + hello]
	mov	edx, offset hello_len
	call	write
	lea	rsi, [rip + nobody]
	mov	edx, offset nobody_len
	cmp	qword ptr [rsp], 2
	jl	1f
	mov	rsi, [rsp + 16]
	call	length
1:	call	write
	lea	rsi, [rip + platform]
	mov	edx, offset platform_len
	call	write

	lea	rdi, [rip + motd]
	call	open
	mov	r12, rax
2:	call	read
	jle	3f
	lea	rsi, [rip + buffer]
	mov	edx, eax
	call	write
	jmp	2b

3:	lea	rdi, [rip + zones]
	call	open
	mov	r12, rax
	xor	ebx, ebx			# lines
4:	call	read
	jle	7f
	lea	rsi, [rip + buffer]
	add	rax, rsi
5:	cmp	byte ptr [rsi], 10
	jne	6f
	inc	ebx
6:	inc	rsi
	cmp	rsi, rax
	jne	5b
	jmp	4b

7:	lea	rsi, [rip + buffer + 32]
	lea	rdi, [rsi]
	mov	eax, ebx
	mov	ecx, 10
8:	xor	edx, edx
	div	ecx
	add	dl, '0'
	dec	rsi
	mov	[rsi], dl
	test	eax, eax
	jnz	8b
	mov	rdx, rdi
	sub	rdx, rsi
	call	write
	lea	rsi, [rip + counted]
	mov	edx, offset counted_len
	call	write
	xor	edi, edi
exit:	mov	eax, 60
	syscall

# Writes rdx bytes at rsi.
write:	mov	eax, 1
	mov	edi, 1
	syscall
	ret

# The length of the text at rsi, to rdx.
length:	xor	edx, edx
9:	cmp	byte ptr [rsi + rdx], 0
	je	1f
	inc	rdx
	jmp	9b
1:	ret

# Opens the path at rdi, or ends with status 1.
open:	mov	eax, 2
	xor	esi, esi
	xor	edx, edx
	syscall
	test	rax, rax
	mov	edi, 1
	js	exit
	ret

# Reads from r12 into the buffer; rax and the flags tell how much.
read:	xor	eax, eax
	mov	edi, r12d
	lea	rsi, [rip + buffer]
	mov	edx, BUFFER
	syscall
	test	rax, rax
	ret

hello:	.ascii	"hello, "
	.set	hello_len, . - hello
nobody:	.ascii	"whoever you are"
	.set	nobody_len, . - nobody
platform:
	.ascii	" (linux/amd64)\n"
	.set	platform_len, . - platform
counted:
	.ascii	" time zones\n"
	.set	counted_len, . - counted
motd:	.asciz	"/etc/motd"
zones:	.asciz	"/usr/share/zoneinfo/zones.list"

	.bss
buffer:	.skip	BUFFER
