import type { AppError } from "../generated/AppError";

/** What a rejected platform call carries; anything else is a defect and shown as such, not hidden. */
export function asAppError(reason: unknown): AppError {
  if (typeof reason === "object" && reason !== null && "message" in reason && typeof reason.message === "string") {
    const field = "field" in reason && typeof reason.field === "string" ? reason.field : undefined;
    return { message: reason.message, field };
  }
  return { message: typeof reason === "string" ? reason : "Something went wrong. Try again." };
}
