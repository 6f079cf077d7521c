/** One piece of work at a registry, as the toolkit asks for it; see `job` in `wit/registry.wit`. */
import type * as wit from "../../generated/interfaces/portolan-image-registry.js";
import { PortolanError, attempt } from "../error.js";
import { release } from "../release.js";
import { sleep } from "../signal.js";
import { type Upload, openBody } from "./body.js";
import { type Answer, Failure, type Http, send } from "./http.js";

/** What a job works with. */
export interface Means {
  http: Http;
  upload?: Upload | undefined;
  signal: AbortSignal | undefined;
  credentials(registry: string): Promise<wit.Credentials | undefined>;
}

/** A job that is done step by step. Whoever has one releases it. */
export class Job {
  readonly #job: wit.Job;
  readonly #means: Means;
  #answer: Answer | undefined;

  constructor(job: wit.Job, means: Means) {
    this.#job = job;
    this.#means = means;
  }

  /** Does what is asked for until all is done, or a body is wanted after so many bytes. */
  async #advance(): Promise<{ answer: Answer; skip: number } | undefined> {
    const { signal, credentials } = this.#means;
    for (;;) {
      signal?.throwIfAborted();
      const step = attempt(() => this.#job.next(BigInt(Math.floor(performance.now()))));
      switch (step.tag) {
        case "send":
          await this.#send(step.val);
          break;
        case "read":
          await this.#failing(async () => {
            const bytes = (await this.#answer?.read(Number(step.val))) ?? new Uint8Array();
            attempt(() => this.#job.supply(bytes));
          });
          break;
        case "deliver":
          if (this.#answer) return { answer: this.#answer, skip: Number(step.val) };
          attempt(() => this.#job.delivered(0n, false));
          break;
        case "wait":
          this.#drop();
          await sleep(Number(step.val), signal);
          attempt(() => this.#job.waited());
          break;
        case "credentials": {
          const found = await credentials(step.val);
          attempt(() => this.#job.authorize(found));
          break;
        }
        case "done":
          return undefined;
      }
    }
  }

  async #send(request: wit.Request): Promise<void> {
    this.#drop();
    const { http, upload, signal } = this.#means;
    const opened = await openBody(request.body, upload, signal);
    await this.#failing(async () => {
      try {
        this.#answer = await send(http, request, opened, signal);
      } catch (error) {
        throw opened.failed?.error ?? error;
      }
      if (opened.failed) throw opened.failed.error;
      const { digest } = opened;
      if (digest !== undefined) this.#job.streamed(digest);
      const { head } = this.#answer;
      attempt(() => this.#job.respond(head));
    });
  }

  /** Does something that may meet a failure of the network, which the job is told. */
  async #failing(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.#drop();
      attempt(() => this.#job.fail(error.reason, error.isFinal));
    }
  }

  #drop(): void {
    this.#answer?.drop();
    this.#answer = undefined;
  }

  /** Does all of it. */
  async complete(): Promise<wit.Outcome> {
    while (await this.#advance()) {
      this.#drop();
      attempt(() => this.#job.delivered(0n, false));
    }
    return attempt(() => this.#job.finish());
  }

  /**
   * Hands on a body of so many bytes while it comes. Where it breaks off, the job says how to go on. If there is more, one
   * byte of it is handed on, so that whoever verifies sees it.
   */
  async *deliver(size: number): AsyncGenerator<Uint8Array, void> {
    let left = size + 1;
    for (let body = await this.#advance(); body; body = await this.#advance()) {
      const { answer } = body;
      let { skip } = body;
      let delivered = 0;
      let isComplete = false;
      try {
        for (let chunk = await answer.chunk(); chunk; chunk = await answer.chunk()) {
          const rest = chunk.subarray(skip);
          skip -= chunk.length - rest.length;
          delivered += rest.length;
          const part = rest.subarray(0, left);
          left -= part.length;
          if (part.length === 0) continue;
          answer.rest();
          yield part;
          if (left === 0) return;
        }
        isComplete = true;
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
      }
      this.#drop();
      attempt(() => this.#job.delivered(BigInt(delivered), isComplete));
    }
  }

  /** Ends the job, wherever it is. */
  release(): void {
    this.#drop();
    release(this.#job);
  }
}

/** The outcome of a job that cannot come to another. */
export function expected<T extends wit.Outcome["tag"]>(outcome: wit.Outcome, tag: T): Extract<wit.Outcome, { tag: T }> {
  if (outcome.tag !== tag) throw new PortolanError("invalid-state", `a job came to ${outcome.tag}`);
  return outcome as Extract<wit.Outcome, { tag: T }>;
}
