/**
 * Requests to the vrouter module, and what people are told when they fail.
 *
 * @module
 */

import { Failure, type FailureKind } from "../sys/failure.ts";
import { errorText } from "../sys/libc.ts";
import { MAX_ERRNO, NetlinkClient, NetlinkError, type NetlinkTransport } from "../sys/netlink.ts";
import { printable } from "../sys/printable.ts";
import { DPDK_ADVICE, type DpdkVrouter, findDpdkVrouter } from "./dpdk.ts";
import { lookUpFamily, requestSandesh } from "./genetlink.ts";
import { fieldsOf, integer, MessageError } from "./message_fields.ts";
import { decodeMessages, encodeMessages, SandeshError, type SandeshMessage } from "./sandesh.ts";

/** The vrouter module is not loaded, or does not speak its netlink protocol. */
export class VrouterAbsentError extends Failure {
  override readonly name = "VrouterAbsentError";

  /**
   * @param advice what to do instead, if there is something
   * @param dpdk what runs in place of the module
   */
  constructor(
    task: string,
    advice: string,
    cause: unknown,
    dpdk: DpdkVrouter | null = findDpdkVrouter(),
  ) {
    super(
      "vrouter_absent",
      dpdk === null
        ? `Cannot ${task}: the vrouter kernel module is not loaded; load it${advice}`
        : `Cannot ${task}: this host's vRouter runs in user space, on DPDK ` +
          `(${
            printable(dpdk.program)
          }, process ${dpdk.pid}), which vrft cannot trace; ${DPDK_ADVICE}`,
      { cause },
    );
  }
}

const FAMILY = "vrouter";
/** Field of vr_response. */
const RESPONSE_CODE = 2;
/** The module's answer to a request that it cannot decode; it does not mean EPERM. */
const NOT_UNDERSTOOD = -1;

const EPERM = 1;
const ENOENT = 2;
const ETIMEDOUT = 110;

/** What the module is asked for. */
export interface ModuleTask {
  readonly kind: FailureKind;
  /** `list the vifs` */
  readonly task: string;
  /** What to do without the module, as `; load it` goes on; may be empty. */
  readonly withoutModule: string;
  /** Whether there are modules that are too old to know the request. */
  readonly recent: boolean;
}

/** An answer of the module. */
export interface ModuleAnswer {
  /** Of vr_response: not negative. */
  readonly code: number;
  /** What follows it. */
  readonly objects: readonly SandeshMessage[];
}

/** Asks the module. */
export class ModuleClient {
  readonly #task: ModuleTask;
  readonly #client: NetlinkClient;
  readonly #family: number;

  /**
   * Looks the module's family up.
   *
   * @param transport a NETLINK_GENERIC transport
   * @throws {VrouterAbsentError} if the module is not loaded
   * @throws {Failure} of the task's kind as {@linkcode describe}
   */
  constructor(transport: NetlinkTransport, task: ModuleTask) {
    this.#task = task;
    this.#client = new NetlinkClient(transport);
    try {
      this.#family = lookUpFamily(this.#client, FAMILY);
    } catch (cause) {
      throw this.describe(cause);
    }
  }

  /**
   * @param meanings what an errno of the module means for this request
   * @throws {Failure} if the module refuses, with its errno; else what {@linkcode describe} translates
   */
  request(message: SandeshMessage, meanings: Readonly<Record<number, string>> = {}): ModuleAnswer {
    const [response, ...objects] = requestSandesh(
      this.#client,
      this.#family,
      encodeMessages([message]),
    ).flatMap(decodeMessages);
    if (response?.name !== "vr_response") {
      throw new MessageError("it does not start with vr_response");
    }
    const code = integer(fieldsOf(response), RESPONSE_CODE);
    if (code === NOT_UNDERSTOOD) {
      const why = this.#task.recent ? "; it is too old" : "";
      throw this.failure(`the vrouter module does not understand the request${why}`);
    }
    if (code < -MAX_ERRNO) throw new MessageError(`it refuses with code ${code}`);
    if (code < 0) {
      const problem = meanings[-code] ??
        `the vrouter module refuses: ${errorText(-code)} (${code})`;
      throw this.failure(problem, { errno: -code });
    }
    return { code, objects };
  }

  /** `Cannot list the vifs: ${problem}` */
  failure(problem: string, options?: ErrorOptions & { errno?: number }): Failure {
    return new Failure(this.#task.kind, `Cannot ${this.#task.task}: ${problem}`, options);
  }

  /** Translates an error of a request, or of reading its answer, for the user. */
  describe(cause: unknown): unknown {
    const { kind, task, withoutModule, recent } = this.#task;
    if (cause instanceof SandeshError || cause instanceof MessageError) {
      return this.failure(`invalid answer from the vrouter module: ${cause.message}`, { cause });
    }
    if (!(cause instanceof NetlinkError)) return cause;
    switch (cause.errno) {
      case EPERM:
        return new Failure(kind, `Cannot ${task} without CAP_NET_ADMIN: run vrft as root`, {
          cause,
        });
      case ENOENT: // the family is not registered, or no longer
        return new VrouterAbsentError(task, withoutModule, cause);
      case ETIMEDOUT:
        return this.failure(
          cause.message + (recent ? "; the vrouter module may be too old to know the request" : ""),
          { cause },
        );
      default:
        return this.failure(cause.message, { cause });
    }
  }
}
