/* A library with a thread-local variable that is made when a thread first uses it. */
static __thread char variable[3000] = "v";

char *touch(void) { return variable; }
