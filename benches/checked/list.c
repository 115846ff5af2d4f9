#include <stdio.h>
#include <stdlib.h>

/* Pointers that lead to pointers: a list of 50,000 nodes, each a block, walked two thousand times. */
struct node {
    struct node *next;
    long value;
};

int main(void) {
    struct node *head = NULL;
    for (long i = 0; i < 50000; i++) {
        struct node *node = malloc(sizeof *node);
        node->next = head;
        node->value = i;
        head = node;
    }
    long sum = 0;
    for (int round = 0; round < 2000; round++)
        for (struct node *node = head; node; node = node->next) sum += node->value;
    printf("%ld\n", sum);
    while (head) {
        struct node *next = head->next;
        free(head);
        head = next;
    }
    return 0;
}
