/* A program that needs a library of the same directory. */
void copies(void);

int main(void) {
    copies();
    return 0;
}
