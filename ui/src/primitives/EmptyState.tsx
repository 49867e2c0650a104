import type { ReactNode } from "react";
import { Logo } from "./Icon";

/** Says that there is nothing, and the first useful step. */
export function EmptyState({ title, text, children }: { title: string; text: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <span className="empty-mark">
        <Logo />
      </span>
      <h2>{title}</h2>
      <p>{text}</p>
      {children}
    </div>
  );
}
