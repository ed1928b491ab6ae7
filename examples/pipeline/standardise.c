/* standardise IN OUT: copies a CSV of numbers, each column but the last moved to mean 0 and scaled to deviation 1.
 * The last column, the class, stays as it is.  The pipeline compiles it under `roar build`. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 16, LINE_BYTES = 1024 };

static int fail(const char *what)
{
    perror(what);
    return 1;
}

/* The numbers of a line; how many, 0 for one that isn't all numbers. */
static int parse(char *line, double *values)
{
    int count = 0;
    for (char *word = strtok(line, ",\n"); word != NULL && count < COLUMNS; word = strtok(NULL, ",\n")) {
        char *end;
        values[count++] = strtod(word, &end);
        if (*end != '\0')
            return 0;
    }
    return count;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s IN OUT\n", argv[0]);
        return 2;
    }
    FILE *in = fopen(argv[1], "r");
    if (in == NULL)
        return fail(argv[1]);
    FILE *out = fopen(argv[2], "w");
    if (out == NULL)
        return fail(argv[2]);

    char line[LINE_BYTES];
    double sum[COLUMNS] = {0}, squares[COLUMNS] = {0}, values[COLUMNS];
    long rows = 0;
    int columns = 0;
    while (fgets(line, sizeof line, in) != NULL) {
        int found = parse(line, values);
        if (found == 0)
            continue; /* the heading */
        columns = found;
        rows++;
        for (int i = 0; i < found; i++) {
            sum[i] += values[i];
            squares[i] += values[i] * values[i];
        }
    }

    rewind(in);
    while (fgets(line, sizeof line, in) != NULL) {
        char copy[LINE_BYTES];
        strcpy(copy, line);
        int found = parse(copy, values);
        if (found == 0) {
            fputs(line, out);
            continue;
        }
        for (int i = 0; i < columns - 1; i++) {
            double mean = sum[i] / (double)rows;
            double deviation = sqrt(squares[i] / (double)rows - mean * mean);
            fprintf(out, "%.9g,", (values[i] - mean) / (deviation > 0 ? deviation : 1));
        }
        fprintf(out, "%.0f\n", values[columns - 1]);
    }
    fclose(in);
    return fclose(out) == 0 ? 0 : fail(argv[2]);
}
