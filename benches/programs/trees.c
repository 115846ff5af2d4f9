#include <stdio.h>
#include <stdlib.h>

/* Complete binary trees of depth 18: grown, counted, taken down. */
struct node {
    struct node *left, *right;
};

static struct node *grow(long depth) {
    struct node *node = malloc(sizeof *node);
    if (depth == 0) {
        node->left = node->right = NULL;
    } else {
        node->left = grow(depth - 1);
        node->right = grow(depth - 1);
    }
    return node;
}

static long count(const struct node *node) {
    if (!node->left) return 1;
    return 1 + count(node->left) + count(node->right);
}

static void fell(struct node *node) {
    if (node->left) {
        fell(node->left);
        fell(node->right);
    }
    free(node);
}

int main(void) {
    long total = 0;
    for (int round = 0; round < 30; round++) {
        struct node *root = grow(18);
        total += count(root);
        fell(root);
    }
    printf("%ld\n", total);
    return 0;
}
