#include <stdio.h>

int main(void)
{
    fputs("rubor: no command is built yet\n", stderr);
    return 2;
}
