"""`Plan` -> LLVM IR text -> machine code of this CPU, and what runs it: threads, BLAS, entry."""
