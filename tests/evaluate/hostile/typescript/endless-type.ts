// ends: compile timeout, out of memory, compile error
// because: tens of thousands of types are compared, each with each
// limits: compile_seconds=8 run_seconds=2

type D = "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7";
type A<T extends string> = T extends string ? { [P in T]: number } : never;
type B<T extends string> = T extends string ? { [P in T]: number | string } : never;
declare const u: A<`a${D}${D}${D}${D}${D}`>;
const v: B<`a${D | "8"}${D}${D}${D}${D}`> = u;
