;; A program for wasip1/wasm: the greeting of the other platforms, without files.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  ;; One iovec at 0: the text's address and length. The count written goes to 8.
  (data (i32.const 0) "\10\00\00\00\1b\00\00\00")
  (data (i32.const 16) "hello, world (wasip1/wasm)\n")
  (func (export "_start")
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))
