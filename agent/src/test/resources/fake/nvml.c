/* Stands in for NVIDIA's library: FOLDER has what it is told (used, hang) and what it was asked (calls). */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
typedef struct { unsigned version; unsigned long long total, reserved, free, used; } memory2;
static void note(const char *call) { FILE *f = fopen(FOLDER "/calls", "a"); fputs(call, f); fclose(f); }
int nvmlInit_v2(void) { while (access(FOLDER "/hang", F_OK) == 0) usleep(1000); note("open\n"); return 0; }
int nvmlShutdown(void) { note("shut\n"); return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **d) { *d = (void *)(long)(i + 1); return i < 2 ? 0 : 2; }
int nvmlDeviceGetMemoryInfo_v2(void *d, memory2 *m) {
  if (m->version != (sizeof(memory2) | 2u << 24)) return 25;
  unsigned long long mib = 0; FILE *f = fopen(FOLDER "/used", "r");
  if (f) { fscanf(f, "%llu", &mib); fclose(f); }
  m->used = d == (void *)1L ? mib << 20 : 0; return 0;
}
int nvmlDeviceGetComputeRunningProcesses_v3(void *d, unsigned *n, unsigned *p) { *n = 1; p[0] = 4711; return 0; }
