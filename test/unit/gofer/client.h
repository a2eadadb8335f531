/* client.h - a guest's end of the channel for the gofer's tests, and a server in the process */
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "abi/gofer.h"
#include "abi/ring.h"
#include "gofer/gofer.h"

#define CLIENT_IN  0u	    /* data area: what requests bring */
#define CLIENT_OUT 0x40000u /* data area: where answers go */

struct client {
	char dir[64]; /* a fresh temporary directory: the mount's root */
	int root;     /* its descriptor, another than the server's */
	struct abi_channel chan;
	struct abi_ring_end req, cpl;
	int kick, call, control[2];
	struct gofer_mount mount[2]; /* 0: the directory; 1: the same, read-only */
	struct gofer_config cfg;
	pthread_t server;
	int result; /* of gofer_serve() */
	uint64_t tag;
};

/* Makes the directory, the channel and the configuration; does not start the server. */
void client_make(struct client *c);
void client_start(struct client *c);
/* Ends the server (end of the control socket), returns what it returned, removes everything. */
int client_stop(struct client *c);
/* Waits for a server that ends by itself. */
int client_wait(struct client *c);
void client_free(struct client *c);

uint8_t *client_in(struct client *c);
uint8_t *client_out(struct client *c);

/* Puts a request into a slot and tells the server. */
void client_submit(struct client *c, uint32_t slot, struct abi_gofer_request *q);
/* Waits for any answer: its slot. -1: the channel was closed. */
int client_await(struct client *c);
/* The answer in a slot, checked against its request. */
void client_reply(struct client *c, uint32_t slot, const struct abi_gofer_request *q,
		  struct abi_gofer_reply *r);
/* All three, in slot 0; returns reply.error. */
int client_call(struct client *c, struct abi_gofer_request *q, struct abi_gofer_reply *r);

/* Requests with the names (NULL ends them) at CLIENT_IN and all of the area for answers. */
struct abi_gofer_request client_request(struct client *c, unsigned op, uint32_t handle,
					const char *name, const char *name2);
uint32_t client_attach(struct client *c, unsigned mount);
/* Walks a path of several components: handle, or the negative errno in *error. */
uint32_t client_walk(struct client *c, uint32_t dir, const char *path, int *error,
		     struct abi_gofer_attr *attr);
int client_close(struct client *c, uint32_t handle);
uint32_t client_open(struct client *c, uint32_t handle, unsigned flags, int *error);

/* Files of the host, below the directory. */
void host_write(struct client *c, const char *name, const char *text);
