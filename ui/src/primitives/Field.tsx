import { useId, type ComponentProps, type ReactNode } from "react";
import { Icon } from "./Icon";

interface FieldProps extends ComponentProps<"input"> {
  label: string;
  /** What is wrong with it, in a sentence. */
  error?: string;
  hint?: string;
  /** A control inside the field, at its end. */
  end?: ReactNode;
}

export function Field({ label, error, hint, end, ...input }: FieldProps) {
  const id = useId();
  const about = error !== undefined ? `${id}-error` : hint !== undefined ? `${id}-hint` : undefined;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <div className={error === undefined ? "field-box" : "field-box wrong"}>
        <input {...input} id={id} aria-invalid={error !== undefined} aria-describedby={about} />
        {end}
      </div>
      {error !== undefined && (
        <p id={`${id}-error`} className="field-error" role="alert">
          <Icon name="warn" small />
          {error}
        </p>
      )}
      {error === undefined && hint !== undefined && (
        <p id={`${id}-hint`} className="field-hint">
          {hint}
        </p>
      )}
    </div>
  );
}
