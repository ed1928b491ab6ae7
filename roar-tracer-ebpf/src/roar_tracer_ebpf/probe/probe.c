/* What the kernel runs for roar: sees which files the enrolled processes open, change, name and execute, and puts a record of each
 * into a ring.  Compiled by compile.py, once for every kernel. */
#include "kernel.h"
#include "record.h"
#include "files.h"
#include "path.h"
#include "report.h"
#include "calls.h"
#include "life.h"
#include "ring.h"
#include "functions.h"
