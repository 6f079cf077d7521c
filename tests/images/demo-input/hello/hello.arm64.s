// A program for linux/arm64 without a C library: greets its first argument, prints /etc/motd and counts time zones.
	.globl	_start
	.set	BUFFER, 4096

	.text
_start:
	adr	x1, hello
	mov	x2, hello_len
	bl	write
	adr	x1, nobody
	mov	x2, nobody_len
	ldr	x9, [sp]
	cmp	x9, 2
	b.lt	1f
	ldr	x1, [sp, 16]
	bl	length
1:	bl	write
	adr	x1, platform
	mov	x2, platform_len
	bl	write

	adr	x1, motd
	bl	open
2:	bl	read
	cmp	x0, 0
	b.le	3f
	mov	x2, x0
	bl	write
	b	2b

3:	adr	x1, zones
	bl	open
	mov	x20, 0				// lines
4:	bl	read
	cmp	x0, 0
	b.le	6f
	add	x2, x1, x0
5:	ldrb	w9, [x1], 1
	cmp	w9, 10
	cinc	x20, x20, eq
	cmp	x1, x2
	b.ne	5b
	b	4b

6:	ldr	x1, =buffer + 32
	mov	x10, x1
	mov	x11, 10
7:	udiv	x12, x20, x11
	msub	x13, x12, x11, x20
	add	w13, w13, '0'
	strb	w13, [x1, -1]!
	mov	x20, x12
	cbnz	x20, 7b
	sub	x2, x10, x1
	bl	write
	adr	x1, counted
	mov	x2, counted_len
	bl	write
	mov	x0, 0
exit:	mov	x8, 93
	svc	0

// Writes x2 bytes at x1.
write:	mov	x0, 1
	mov	x8, 64
	svc	0
	ret

// The length of the text at x1, to x2.
length:	mov	x2, 0
8:	ldrb	w9, [x1, x2]
	cbz	w9, 9f
	add	x2, x2, 1
	b	8b
9:	ret

// Opens the path at x1 as x19, or ends with status 1.
open:	mov	x0, -100			// AT_FDCWD
	mov	x2, 0
	mov	x8, 56
	svc	0
	mov	x19, x0
	tbz	x0, 63, 9b
	mov	x0, 1
	b	exit

// Reads from x19 into the buffer at x1; x0 tells how much.
read:	mov	x0, x19
	ldr	x1, =buffer
	mov	x2, BUFFER
	mov	x8, 63
	svc	0
	ldr	x1, =buffer
	ret

	.ltorg
hello:	.ascii	"hello, "
	.set	hello_len, . - hello
nobody:	.ascii	"whoever you are"
	.set	nobody_len, . - nobody
platform:
	.ascii	" (linux/arm64)\n"
	.set	platform_len, . - platform
counted:
	.ascii	" time zones\n"
	.set	counted_len, . - counted
motd:	.asciz	"/etc/motd"
zones:	.asciz	"/usr/share/zoneinfo/zones.list"

	.bss
buffer:	.skip	BUFFER
