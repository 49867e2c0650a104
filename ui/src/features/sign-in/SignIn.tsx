/** The first screen: which server, who, and the password. */
import { useState, type SubmitEvent } from "react";
import type { AppError } from "../../generated/AppError";
import type { Session } from "../../generated/Session";
import { useSession } from "../../hooks/useSession";
import { asAppError } from "../../lib/error";
import { Button, IconButton } from "../../primitives/Button";
import { Field } from "../../primitives/Field";
import { Icon, Logo } from "../../primitives/Icon";
import { KeyringNotice } from "./KeyringNotice";
import "./sign-in.css";

export function SignIn({ session }: { session: Extract<Session, { kind: "signed_out" }> }) {
  const { version } = useSession();
  return (
    <div className="first">
      <aside className="first-side" aria-label="Watchbell">
        <span className="first-mark">
          <Logo />
        </span>
        <h1>Watchbell</h1>
        <p className="soft">Hear at once when something happens in your team’s code, builds and services.</p>
        <p className="first-version">Version {version}</p>
      </aside>
      <main className="first-main">
        <SignInForm session={session} />
      </main>
    </div>
  );
}

function SignInForm({ session }: { session: Extract<Session, { kind: "signed_out" }> }) {
  const { signIn } = useSession();
  const [address, setAddress] = useState(session.address);
  const [name, setName] = useState(session.name);
  const [password, setPassword] = useState("");
  const [error, setError] = useState<AppError>();
  const [busy, setBusy] = useState(false);
  const [visible, setVisible] = useState(false);

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const missing = firstMissing({ address, name, password });
    setError(missing);
    if (missing) return;
    setBusy(true);
    try {
      await signIn({ address: address.trim(), name: name.trim(), password });
    } catch (reason) {
      setError(asAppError(reason));
    } finally {
      setBusy(false);
    }
  };
  const of = (field: string) => (error?.field === field ? error.message : undefined);
  const general = error && !["address", "name", "password"].includes(error.field ?? "") ? error.message : undefined;
  const first = address === "" ? "address" : name === "" ? "name" : "password";
  const show = visible ? "Hide password" : "Show password";
  return (
    <form className="form" noValidate onSubmit={(event) => void submit(event)} aria-busy={busy}>
      <h2>Sign in</h2>
      {session.reason !== undefined && !error && <Notice text={session.reason} />}
      {general !== undefined && <Notice text={general} alert />}
      <Field
        label="Server address"
        value={address}
        error={of("address")}
        autoFocus={first === "address"}
        autoComplete="url"
        spellCheck={false}
        placeholder="bell.example.com"
        onChange={(event) => {
          setAddress(event.target.value);
        }}
      />
      <Field
        label="Name"
        value={name}
        error={of("name")}
        autoFocus={first === "name"}
        autoComplete="username"
        spellCheck={false}
        onChange={(event) => {
          setName(event.target.value);
        }}
      />
      <Field
        label="Password"
        type={visible ? "text" : "password"}
        value={password}
        error={of("password")}
        autoFocus={first === "password"}
        autoComplete="current-password"
        onChange={(event) => {
          setPassword(event.target.value);
        }}
        end={
          <IconButton
            icon="eye"
            size="small"
            label={show}
            aria-pressed={visible}
            onClick={() => {
              setVisible(!visible);
            }}
          />
        }
      />
      <Button kind="primary" size="large" wide type="submit" busy={busy}>
        {busy ? "Signing in" : "Sign in"}
      </Button>
      <p className="form-hint">Accounts are made by the person who runs your server.</p>
      <KeyringNotice />
    </form>
  );
}

function Notice({ text, alert = false }: { text: string; alert?: boolean }) {
  return (
    <div className="callout error" role={alert ? "alert" : undefined}>
      <Icon name="warn" />
      <span>{text}</span>
    </div>
  );
}

/** Said here at once, without asking the server. */
function firstMissing(form: { address: string; name: string; password: string }): AppError | undefined {
  if (form.address.trim() === "") return { field: "address", message: "Enter the address of your server" };
  if (form.name.trim() === "") return { field: "name", message: "Enter your name" };
  if (form.password === "") return { field: "password", message: "Enter your password" };
  return undefined;
}
